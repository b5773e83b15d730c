/* Burns 5 seconds of CPU in three processes named to confuse who reads /proc/<pid>/stat, then answers. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    int a, b;
    const char *names[] = {") R 1 1 1 1 1 1", "))))))))))))))", "\n 0 0 0 (0) (("};
    if (scanf("%d %d", &a, &b) != 2) return 1;
    for (int k = 0; k < 3; k++)
        if (fork() == 0) {
            prctl(PR_SET_NAME, names[k]);
            while (clock() < 17 * CLOCKS_PER_SEC / 10) {}
            _exit(0);
        }
    while (wait(0) > 0) {}
    printf("%d\n", a + b);
    return 0;
}
