#include "fastrnn.h"
#include "fastrnn.h"

int header_of_c(void);
int header_of_c(void) { return FASTRNN_OK; }
