package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/slipwayhq/slipway/internal/edge"
)

// roleVariable tells a process started by the benchmark what it is: "role|argument|…".
const roleVariable = "SLIPWAY_BENCH_EDGE_ROLE"

// answerSize is the backend's answer in bytes.
const answerSize = 1024

// play is one of the processes beside the benchmark itself.
func play(role string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	part := strings.Split(role, "|")
	switch part[0] {
	case "backend":
		return serve(ctx, part[1], http.HandlerFunc(answer))
	case "tuned":
		return serve(ctx, part[1], bare(part[2], newTransport(), newBuffers()))
	case "pooled":
		return serve(ctx, part[1], bare(part[2], newTransport(), nil))
	case "stock":
		return serve(ctx, part[1], bare(part[2], http.DefaultTransport, nil))
	case "edge":
		e, err := edge.New(edge.Options{ID: "agt_bench", Listen: part[1], Server: part[2], Credential: "bench", Dir: part[3],
			Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		if err != nil {
			return err
		}
		return e.Run(ctx)
	}
	return fmt.Errorf("unknown role %q", role)
}

// bare is the peer: the standard library's proxy and nothing else.
func bare(target string, transport http.RoundTripper, buffers httputil.BufferPool) http.Handler {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target})
	p.Transport, p.BufferPool = transport, buffers
	p.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // wrk hangs up at the end of each turn
	return p
}

// newTransport is tuned as the edge's is.
func newTransport() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 1024, IdleConnTimeout: 30 * time.Second, DisableCompression: true}
}

// buffers are lent as the edge lends them.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { return new([32 << 10]byte) }}}
}

// Get lends a buffer.
func (b *buffers) Get() []byte { return b.pool.Get().(*[32 << 10]byte)[:] }

// Put takes it back.
func (b *buffers) Put(buf []byte) { b.pool.Put((*[32 << 10]byte)(buf)) }

// answer gives 1 KiB, or a POST's body back.
func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(body)
		return
	}
	_, _ = w.Write(bytes.Repeat([]byte("x"), answerSize))
}

func serve(ctx context.Context, addr string, h http.Handler) error {
	s := &http.Server{Addr: addr, Handler: h, ReadHeaderTimeout: 15 * time.Second, IdleTimeout: time.Minute} // as the edge
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	if err := s.ListenAndServe(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve %s: %w", addr, err)
	}
	return nil
}
