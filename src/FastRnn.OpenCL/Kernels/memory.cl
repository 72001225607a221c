#include "common.cl"

// to[i] += from[i]
__kernel void add_to(INPUT(from), BUFFER(to), long length)
{
    long i = get_global_id(0);
    if (i < length)
        AT(to)[i] += AT(from)[i];
}
