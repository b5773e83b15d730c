// Prints a file of the machine that compiles by its error messages.
#include "/etc/shadow"
#include "/etc/passwd"
int main() {}
