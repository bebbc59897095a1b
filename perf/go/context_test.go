package perf

import (
	"context"
	"testing"
	"time"
)

func comeAndGo(b *testing.B, parent context.Context) {
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		_, cancel := context.WithCancel(parent)
		cancel()
	}
}

func Benchmark_ctx_cancel(b *testing.B) { comeAndGo(b, context.Background()) }

func Benchmark_ctx_child(b *testing.B) {
	parent, cancel := context.WithCancel(context.Background())
	defer cancel()
	comeAndGo(b, parent)
}

func Benchmark_ctx_timeout(b *testing.B) {
	for i := 0; i < b.N; i++ {
		_, cancel := context.WithTimeout(context.Background(), time.Hour)
		cancel()
	}
}

func Benchmark_ctx_done(b *testing.B) {
	for i := 0; i < b.N; i++ {
		ctx, cancel := context.WithCancel(context.Background())
		done := ctx.Done()
		cancel()
		<-done
	}
}

func Benchmark_ctx_err(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	over := 0
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if ctx.Err() != nil {
			over++
		}
	}
	if over > 0 {
		b.Fatal("cancelled")
	}
}

func Benchmark_ctx_value_10(b *testing.B) {
	type key int
	ctx := context.Background()
	for i := 0; i < 10; i++ {
		ctx = context.WithValue(ctx, key(i), i)
	}
	right := 0
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if ctx.Value(key(0)) == 0 {
			right++
		}
	}
	if right != b.N {
		b.Fatal("wrong value")
	}
}

func tree(b *testing.B, deep bool) {
	const size = 1000
	var all [size]context.Context
	var cancel [size]context.CancelFunc
	start := time.Now()
	for i := 0; i < b.N; i++ {
		all[0], cancel[0] = context.WithCancel(context.Background())
		for k := 1; k < size; k++ {
			up := all[0]
			if deep {
				up = all[k-1]
			}
			all[k], cancel[k] = context.WithCancel(up)
		}
		cancel[0]()
	}
	b.ReportMetric(float64(time.Since(start))/(float64(b.N)*size), "each")
}

func Benchmark_ctx_deep_1000(b *testing.B) { tree(b, true) }
func Benchmark_ctx_wide_1000(b *testing.B) { tree(b, false) }
