/* The run itself, for main. */
#ifndef RUN_H
#define RUN_H
#include "load.h"

/* Puts load on for as long as the options say; `all` are the connections with their exchanges. */
void run(connection *all, const protocol *protocol);

#endif
