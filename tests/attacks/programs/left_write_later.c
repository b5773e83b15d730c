/* A comet: every process forks its successor and ends, in a session of its own, and tries to write when nobody looks. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void) {
    int a, b;
    if (scanf("%d %d", &a, &b) != 2) return 1;
    if (fork() == 0) {
        setsid();
        for (int s = 1; s < 65; s++) signal(s, SIG_IGN);
        for (int i = 0; i < 200000; i++) {
            if (fork()) _exit(0);
            if (i % 64 == 0) {
                int f = open("/tmp/assay_escape_comet", O_CREAT | O_WRONLY | O_APPEND, 0666);
                if (f >= 0) { if (write(f, "x", 1) < 0) _exit(0); close(f); }
            }
        }
        _exit(0);
    }
    usleep(20000);
    printf("comet\n"); /* wrong on purpose: what counts is what is left */
    return 0;
}
