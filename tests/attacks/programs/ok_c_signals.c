#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int total;
static void show(int s) { (void)s; printf("%d\n", total); fflush(stdout); _exit(0); }
int main(void) {
    int a, b;
    char buf[64];
    setvbuf(stdin, 0, _IONBF, 0);
    if (!fgets(buf, sizeof buf, stdin) || sscanf(buf, "%d %d", &a, &b) != 2) return 1;
    total = a + b;
    signal(SIGUSR1, show);
    raise(SIGUSR1);
    return 7;
}
