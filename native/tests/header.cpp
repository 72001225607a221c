#include "fastrnn.hpp"
#include "fastrnn.hpp"

int header_of_cpp();
int header_of_cpp() { return FASTRNN_OK; }
