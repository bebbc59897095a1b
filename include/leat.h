/*
 * leat.h - everything: goroutines and what they wait for.
 */
#ifndef LEAT_H
#define LEAT_H

#include "leat/block.h"
#include "leat/chan.h"
#include "leat/context.h"
#include "leat/error.h"
#include "leat/go.h"
#include "leat/map.h"
#include "leat/runtime.h"
#include "leat/select.h"
#include "leat/signal.h"
#include "leat/time.h"
#include "leat/timer.h"
#include "leat/waitgroup.h"

#endif
