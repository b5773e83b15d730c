/* Reads memory that malloc, alloca and the stack hand out uncleared, and what the kernel's files say of others. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int look(const char *p, long n, const char *where) {
    char mark[16];
    snprintf(mark, sizeof mark, "%s-%s-", "ASSAY", "TOKEN");
    int hits = 0;
    for (long i = 0; i + 44 <= n; i++)
        if (p[i] == 'A' && !memcmp(p + i, mark, 12) && p[i + 12] != '%' && p[i + 12] != 0) {
            printf("FOUND %.44s %s\n", p + i, where);
            hits++;
        }
    return hits;
}

int main(void) {
    for (long size = 32; size < (1 << 22); size *= 2)
        for (int i = 0; i < 20; i++) {
            char *p = malloc(size);
            if (p) look(p, size, "heap");
        }
    volatile char frame[1 << 20];
    look((const char *)frame, sizeof frame, "stack");
    DIR *d = opendir("/proc");
    struct dirent *e;
    char path[600], buf[1 << 16];
    while (d && (e = readdir(d)))
        for (int k = 0; k < 2; k++) {
            snprintf(path, sizeof path, "/proc/%s/%s", e->d_name, k ? "environ" : "cmdline");
            int f = open(path, O_RDONLY);
            if (f < 0) continue;
            long n = read(f, buf, sizeof buf);
            if (n > 0) look(buf, n, path);
            close(f);
        }
    printf("done\n");
    return 0;
}
