#ifndef WEIR_CHIREDIS_H
#define WEIR_CHIREDIS_H
#include <stddef.h>
#include <hiredis.h>

/* The stack of open arrays is a fixed C array of structs in hiredis 0.x and a pointer to pointers in 1.x, so Swift cannot read it by one source. */
#if HIREDIS_MAJOR >= 1
#define WEIR_HIREDIS_TASK(reader, index) ((reader)->task[(index)])
#else
#define WEIR_HIREDIS_TASK(reader, index) (&(reader)->rstack[(index)])
#endif

/* 1.x refuses arrays over `elements` by itself, before it allocates them. */
static inline void weir_redis_reader_limit(redisReader *reader, long long elements) {
#if HIREDIS_MAJOR >= 1
  reader->maxelements = elements;
#else
  (void)reader;
  (void)elements;
#endif
}

/* Whether the reply being read is nested at most `depth` deep and opens no array over `elements`.
   An array that announces too many is freed element by element: one of 2^31 would hold the thread for seconds, so it is first trimmed to
   those that can be there. After 0 was returned the reader may only be freed. */
static inline int weir_redis_reader_admits(redisReader *reader, int depth, long long elements) {
  int admits = 1;
  if (reader->err != 0 || reader->ridx < 0) return 1;
  if (reader->ridx > depth) admits = 0;
  for (int index = 0; index < reader->ridx; index++) {
    redisReadTask *task = WEIR_HIREDIS_TASK(reader, index);
    if (task->elements > elements && task->obj != NULL) {
      ((redisReply *)task->obj)->elements = (size_t)WEIR_HIREDIS_TASK(reader, index + 1)->idx + 1;
      admits = 0;
    }
  }
  return admits;
}
#endif
