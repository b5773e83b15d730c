/* Three processes write to the same output, past the limit, while it is cut and grown. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    static char block[1 << 16];
    memset(block, '3', sizeof block);
    signal(SIGXFSZ, SIG_IGN);
    fork();
    fork();
    for (int i = 0; i < 4000; i++) {
        if (write(1, block, sizeof block) < 0 && lseek(1, 0, SEEK_SET) < 0) break;
        if (i % 50 == 49 && ftruncate(1, 0) < 0) continue;
    }
    return 0;
}
