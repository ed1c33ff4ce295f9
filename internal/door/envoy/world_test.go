package envoy_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ratelimit "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/slipwayhq/slipway/internal/door/envoy"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

const key = "slk_production"

// world is a door on a store, served on a port of its own, and clients of it.
type world struct {
	door   *envoy.Door
	config *envoylimit.Config
	clock  atomic.Int64
	client pb.RateLimitServiceClient
	conn   *grpc.ClientConn
	http   *httptest.Server
	log    logged
	stop   func()
}

// logged is what was logged.
type logged struct {
	mu   sync.Mutex
	text []byte
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

func newWorld(t testing.TB, file string) *world {
	t.Helper()
	w := &world{}
	w.clock.Store(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC).UnixNano())
	var problems envoylimit.Problems
	if w.config, problems = envoylimit.Read("shop", "production", []byte(file)); problems != nil {
		t.Fatal(problems)
	}
	w.door = &envoy.Door{
		Key: func(sent string) (string, string, bool) { return "shop", "production", sent == key },
		Configs: func(_ context.Context, app, env, domain string) *envoylimit.Config {
			if app != "shop" || env != "production" || domain != w.config.Domain {
				return nil
			}
			return w.config
		},
		Store: w.store(t), Now: w.now, Logger: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	mux := http.NewServeMux()
	w.door.Mount(mux)
	w.http = httptest.NewServer(mux)
	t.Cleanup(w.http.Close)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.stop = running(t, func(ctx context.Context) error { return w.door.Serve(ctx, l) })
	if w.conn, err = grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conn.Close() })
	w.client = pb.NewRateLimitServiceClient(w.conn)
	return w
}

func (w *world) now() time.Time { return time.Unix(0, w.clock.Load()) }

// store is the one of a server.
func (w *world) store(t testing.TB) takes.Store {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	log, err := journal.Open(t.Context(), journal.Options{Dir: t.TempDir(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	running(t, log.Run)
	m, err := takes.OpenMemory(t.Context(), takes.Options{
		Dir: t.TempDir(), Journal: log, Now: w.now, Logger: quiet, Find: func(_, _, group string) *rate.Defined { return w.config.Find(group) },
	})
	if err != nil {
		t.Fatal(err)
	}
	running(t, m.Run)
	return m
}

// running runs something until the test ends, or until the function that comes back is called.
func running(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// bearing is a context whose requests bring a key.
func bearing(ctx context.Context, key string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+key)
}

// desc is a descriptor of keys and values.
func desc(pairs ...string) *ratelimit.RateLimitDescriptor {
	d := &ratelimit.RateLimitDescriptor{}
	for i := 0; i < len(pairs); i += 2 {
		d.Entries = append(d.Entries, &ratelimit.RateLimitDescriptor_Entry{Key: pairs[i], Value: pairs[i+1]})
	}
	return d
}

// ask asks as Envoy does.
func (w *world) ask(t testing.TB, hits uint32, descriptors ...*ratelimit.RateLimitDescriptor) *pb.RateLimitResponse {
	t.Helper()
	res, err := w.client.ShouldRateLimit(bearing(t.Context(), key), &pb.RateLimitRequest{Domain: w.config.Domain, Descriptors: descriptors, HitsAddend: hits})
	if err != nil {
		t.Fatal(err)
	}
	return res
}
