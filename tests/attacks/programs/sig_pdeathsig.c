/* Survives the end of its parents: clears the parent-death signal, leaves the group and the session, hides its name. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
    if (fork() == 0) {
        setsid();
        prctl(PR_SET_PDEATHSIG, 0);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        prctl(PR_SET_DUMPABLE, 0);
        prctl(PR_SET_NAME, "kworker/0:1");
        for (int s = 1; s < 65; s++) signal(s, SIG_IGN);
        for (int k = 0; k < 3; k++) if (fork() == 0) setsid();
        for (int i = 0; i < 300; i++) {
            int f = open("/tmp/assay_escape_pdeath", O_CREAT | O_WRONLY, 0666);
            if (f >= 0) close(f);
            usleep(50000);
        }
        _exit(0);
    }
    usleep(30000);
    printf("left\n");
    return 0;
}
