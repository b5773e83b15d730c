/* Starts as many sleeping processes as it can get and ends; nothing of them may count against the next program. */
#include <stdio.h>
#include <unistd.h>

int main(void) {
    for (int i = 0; i < 1000; i++) {
        int p = fork();
        if (p < 0) break;
        if (p == 0) { setsid(); sleep(100); _exit(0); }
    }
    printf("asleep\n");
    return 0;
}
