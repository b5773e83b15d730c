/* Ignores SIGXCPU and burns on in C, with a timer and a handler for every signal. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void nothing(int s) { (void)s; }
int main(void) {
    int a, b;
    if (scanf("%d %d", &a, &b) != 2) return 1;
    printf("%d\n", a + b);
    fflush(stdout);
    for (int s = 1; s < 65; s++) signal(s, s == SIGXCPU ? SIG_IGN : nothing);
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_CPU, &all);
    for (volatile long i = 0;; i++) {}
}
