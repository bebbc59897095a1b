/*
 * leat.h - everything: goroutines and what they wait for.
 */
#ifndef LEAT_H
#define LEAT_H

#include "leat/atomic.h"
#include "leat/block.h"
#include "leat/chan.h"
#include "leat/cond.h"
#include "leat/context.h"
#include "leat/dump.h"
#include "leat/error.h"
#include "leat/go.h"
#include "leat/group.h"
#include "leat/map.h"
#include "leat/mutex.h"
#include "leat/once.h"
#include "leat/panic.h"
#include "leat/pool.h"
#include "leat/runtime.h"
#include "leat/rwmutex.h"
#include "leat/select.h"
#include "leat/sema.h"
#include "leat/signal.h"
#include "leat/singleflight.h"
#include "leat/time.h"
#include "leat/timer.h"
#include "leat/waitgroup.h"
#include "leat/workers.h"

#endif
