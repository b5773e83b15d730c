#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(void) {
    struct stat s;
    fstat(0, &s);
    char *p = mmap(0, s.st_size + 1, PROT_READ, MAP_PRIVATE, 0, 0);
    if (p == MAP_FAILED) return 1;
    char *end;
    long a = strtol(p, &end, 10), b = strtol(end, 0, 10);
    printf("%ld\n", a + b);
    return 0;
}
