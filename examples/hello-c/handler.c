// Greets whoever the path names. The request is in the environment and on standard input, as a CGI program has it; the
// answer goes to standard output, and standard error is shown by `tidegate logs`.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  const char *path = getenv("PATH_INFO");
  const char *name = path ? strrchr(path, '/') : NULL;
  const char *who = name && name[1] ? name + 1 : "world";
  fprintf(stderr, "greeting %s\n", who);
  printf("Content-Type: text/plain\n\nhello %s\n", who);
  return 0;
}
