/* A binary of 4 GB. */
char block[4096ull << 20] = {1};
int main(int count, char **args) { (void)args; return block[count * 3]; }
