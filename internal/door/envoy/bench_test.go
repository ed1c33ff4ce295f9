package envoy_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	ratelimit "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// asChild makes this program the server of a benchmark, so that its processor time can be told from the clients'.
const asChild = "SLIPWAY_ENVOY_BENCH"

const benched = `domain: bench
descriptors:
- key: user
  rate_limit: {unit: hour, requests_per_unit: 1000000}
- key: route
  descriptors:
  - key: user
    rate_limit: {unit: day, requests_per_unit: 1000000}
`

func request(i int) *pb.RateLimitRequest {
	user := "user" + strconv.Itoa(i%10_000)
	return &pb.RateLimitRequest{Domain: "bench", Descriptors: []*ratelimit.RateLimitDescriptor{desc("user", user), desc("route", "/pay", "user", user)}}
}

// BenchmarkAnswer is what the door itself takes of a request, without gRPC.
func BenchmarkAnswer(b *testing.B) {
	w := newWorld(b, benched)
	ctx := metadata.NewIncomingContext(b.Context(), metadata.Pairs("authorization", "Bearer "+key))
	req := request(1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.door.ShouldRateLimit(ctx, req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOverGRPC has the server in a process of its own, and tells what a request takes of its processor, user and system.
func BenchmarkOverGRPC(b *testing.B) {
	if os.Getenv(asChild) != "" {
		w := newWorld(b, benched)
		fmt.Printf("listening %s %d\n", w.conn.Target(), os.Getpid())
		_, _ = bufio.NewReader(os.Stdin).ReadByte() // until the parent ends it
		return
	}
	child := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^$", "-test.bench=BenchmarkOverGRPC", "-test.benchtime=1x")
	child.Env = append(os.Environ(), asChild+"=1")
	child.Stderr = os.Stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = stdin.Close(); _ = child.Wait() }()
	lines, address := bufio.NewScanner(stdout), ""
	for address == "" && lines.Scan() {
		if _, rest, ok := strings.Cut(lines.Text(), "listening "); ok {
			address, _, _ = strings.Cut(rest, " ")
		}
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := pb.NewRateLimitServiceClient(conn)
	for _, at := range []int{1, 16} {
		b.Run(strconv.Itoa(at)+"at1", func(b *testing.B) {
			b.SetParallelism(at / 2)
			var n atomic.Int64
			before := used(b, child.Process.Pid)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+key)
				for p.Next() {
					if _, err := client.ShouldRateLimit(ctx, request(int(n.Add(1)))); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.StopTimer()
			b.ReportMetric((used(b, child.Process.Pid)-before)/float64(b.N), "server-µs/op")
		})
	}
}

// used is the processor time of a process in microseconds, to a hundredth of a second.
func used(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Skip("only Linux tells what another process uses")
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) * 10_000
}
