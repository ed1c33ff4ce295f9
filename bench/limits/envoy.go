package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	common "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/slipwayhq/slipway/bench/rig"
)

const (
	peerModule = "github.com/envoyproxy/ratelimit/src/service_cmd@v1.4.1-0.20260122083618-3fb702589d36"
	sides      = 16
	pairs      = 3 // rounds of each, in turns
)

// peer is envoyproxy/ratelimit and its Redis.
type peer struct {
	service, redis *rig.Process
	grpc           string
}

func startPeer(ctx context.Context, r *rig.Rig) (*peer, error) {
	bin, err := r.Folder("peer")
	if err != nil {
		return nil, err
	}
	install := exec.CommandContext(ctx, "go", "install", peerModule)
	install.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("install the peer: %w: %s", err, out)
	}
	config, err := r.Folder("peer", "ratelimit", "config")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(config+"/bench.yaml", []byte(descriptors), 0o600); err != nil {
		return nil, err
	}
	var ports [4]int
	for i := range ports {
		if ports[i], err = rig.FreePort(); err != nil {
			return nil, err
		}
	}
	p := &peer{grpc: fmt.Sprintf("127.0.0.1:%d", ports[1])}
	port := func(i int) string { return fmt.Sprint(ports[i]) }
	if p.redis, err = r.Start("redis", nil, "redis-server", "--port", port(0), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"); err != nil {
		return nil, err
	}
	err = rig.Until(ctx, "Redis listens", 10*time.Millisecond, func() bool { // without it the peer ends at its start
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+port(0))
		return err == nil && conn.Close() == nil
	})
	if err != nil {
		return nil, err
	}
	p.service, err = r.Start("peer-service", []string{
		"USE_STATSD=false", "DISABLE_STATS=true", "LOG_LEVEL=error", "REDIS_SOCKET_TYPE=tcp", "REDIS_TYPE=SINGLE", "REDIS_URL=127.0.0.1:" + port(0), "RUNTIME_ROOT=" + r.Path("peer"), "RUNTIME_SUBDIRECTORY=ratelimit",
		"RUNTIME_APPDIRECTORY=config", "RUNTIME_WATCH_ROOT=false", "HOST=127.0.0.1", "PORT=" + port(2), "GRPC_HOST=127.0.0.1", "GRPC_PORT=" + port(1), "DEBUG_HOST=127.0.0.1", "DEBUG_PORT=" + port(3),
	}, bin+"/service_cmd")
	return p, err
}

// filter is who asks as Envoy does.
type filter struct {
	conn   *grpc.ClientConn
	client pb.RateLimitServiceClient
	key    string
}

func dial(addr, key string) (*filter, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &filter{conn, pb.NewRateLimitServiceClient(conn), key}, nil
}

func (f *filter) ask(ctx context.Context, name, value string) (over bool, err error) {
	if f.key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+f.key)
	}
	res, err := f.client.ShouldRateLimit(ctx, &pb.RateLimitRequest{Domain: "bench", Descriptors: []*common.RateLimitDescriptor{{Entries: []*common.RateLimitDescriptor_Entry{{Key: name, Value: value}}}}})
	if err != nil {
		return false, err
	}
	return res.GetOverallCode() == pb.RateLimitResponse_OVER_LIMIT, nil
}

func againstEnvoys(ctx context.Context, r *rig.Rig, o options) error {
	s, err := serve(ctx, r, "envoy")
	if err != nil {
		return err
	}
	defer s.Stop()
	p, err := startPeer(ctx, r)
	if err != nil {
		return err
	}
	defer p.redis.Stop()
	defer p.service.Stop()
	ours, err := dial(s.grpc, s.key)
	if err != nil {
		return err
	}
	defer ours.conn.Close()
	theirs, err := dial(p.grpc, "")
	if err != nil {
		return err
	}
	defer theirs.conn.Close()
	err = rig.Until(ctx, "the peer answers", 50*time.Millisecond, func() bool {
		_, err := theirs.ask(ctx, "user", "first")
		return err == nil || p.service.Ended()
	})
	if err != nil {
		return err
	}
	if p.service.Ended() {
		text, _ := os.ReadFile(p.service.Log) // what there is
		return fmt.Errorf("the peer ended: %s", text)
	}
	var sum [2]run
	for range pairs {
		for i, c := range []struct {
			f    *filter
			pids []int
		}{{ours, []int{s.PID()}}, {theirs, []int{p.service.PID(), p.redis.PID()}}} {
			got, err := load(ctx, o.lasts, sides, c.pids, func(ctx context.Context, side, n int) error {
				over, err := c.f.ask(ctx, "user", fmt.Sprintf("user-%d", (side*64+n)%1024))
				if over {
					return fmt.Errorf("it was denied")
				}
				return err
			})
			if err != nil {
				return err
			}
			sum[i] = sum[i].plus(got)
		}
	}
	return compare(sum, o.lasts)
}

// compare prints what both came to.
func compare(sum [2]run, lasts time.Duration) error {
	fmt.Printf("By gRPC, one descriptor a request, %d at once, %d rounds of %s in turns\n", sides, pairs, lasts)
	var rows [][]string
	for i, name := range []string{"Slipway", "envoyproxy/ratelimit + Redis"} {
		g := sum[i]
		var total time.Duration
		var parts []string
		for _, c := range g.cost {
			total += c
			parts = append(parts, micros(c, g.asked))
		}
		rows = append(rows, []string{name, fmt.Sprintf("%.0f", float64(g.asked)/g.took.Seconds()), rig.Millis(rig.Quantile(g.each, 0.5)), rig.Millis(rig.Quantile(g.each, 0.99)), micros(total, g.asked), strings.Join(parts, " + "), fmt.Sprint(g.failures)})
	}
	if err := rig.Table(os.Stdout, []string{"", "a second", "p50 ms", "p99 ms", "CPU µs each", "of which", "failed"}, rows); err != nil {
		return err
	}
	cost := func(g run) (t float64) {
		for _, c := range g.cost {
			t += float64(c) / float64(max(g.asked, 1))
		}
		return t
	}
	times := cost(sum[1]) / cost(sum[0])
	fmt.Printf("%.1f times less of the processor, at least %d: %s; p99 lower: %s\n", times, grpcFactor, rig.Verdict(times >= grpcFactor), rig.Verdict(rig.Quantile(sum[0].each, 0.99) < rig.Quantile(sum[1].each, 0.99)))
	return nil
}

func (r run) plus(o run) run {
	if r.cost == nil {
		r.cost = make([]time.Duration, len(o.cost))
	}
	for i, c := range o.cost {
		r.cost[i] += c
	}
	r.asked, r.took, r.each, r.failures = r.asked+o.asked, r.took+o.took, append(r.each, o.each...), r.failures+o.failures
	return r
}

// crowd has 800 ask at once for a limit of 100, by gRPC and by HTTP.
func crowd(ctx context.Context, r *rig.Rig, _ options) error {
	const many, few = 800, 100
	s, err := serve(ctx, r, "crowd")
	if err != nil {
		return err
	}
	defer s.Stop()
	f, err := dial(s.grpc, s.key)
	if err != nil {
		return err
	}
	defer f.conn.Close()
	for _, c := range []struct {
		name string
		ask  func(i int) (bool, error)
	}{
		{"gRPC", func(int) (bool, error) { over, err := f.ask(ctx, "few", "one"); return !over, err }},
		{"HTTP", func(int) (bool, error) {
			var a struct{ Passed bool }
			err := s.check(ctx, "few:one", &a)
			return a.Passed, err
		}},
	} {
		var passed, failed atomic.Int64
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				ok, err := c.ask(i)
				if err != nil {
					failed.Add(1)
				}
				if ok {
					passed.Add(1)
				}
			})
		}
		wg.Wait()
		fmt.Printf("%d at once on a limit of %d by %s: %d admitted, %d without an answer: %s\n", many, few, c.name, passed.Load(), failed.Load(), rig.Verdict(passed.Load() == few && failed.Load() == 0))
	}
	return nil
}
