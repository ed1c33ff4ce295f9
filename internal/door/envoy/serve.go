package envoy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

const (
	// maxMessage is the largest request, in bytes.
	maxMessage = 1 << 20
	// maxStreams is how many requests of one connection are answered at once; more wait.
	maxStreams = 1000
	// workers are goroutines that are kept for requests: a new one would grow its stack for each, a fifth of what a request costs. More requests than these have goroutines of their own.
	workers = 64
	// grace is how long requests may take that are there when the server stops.
	grace = 5 * time.Second
	// leastPing is how often a connection may be asked whether it is still there.
	leastPing = 5 * time.Second
)

// Serve answers what comes by gRPC on a listener until ctx ends; then those that have asked are answered, for a while.
func (d *Door) Serve(ctx context.Context, l net.Listener) error {
	s, h := d.server()
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve Envoy's limits on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	d.ending.Store(true)
	h.Shutdown() // Envoy asks another one from now on
	gone := make(chan struct{})
	go func() { s.GracefulStop(); close(gone) }()
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-gone:
	case <-patience.C:
		s.Stop()
		<-gone
	}
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // it was stopped before it began
		return fmt.Errorf("serve Envoy's limits on %s: %w", l.Addr(), err)
	}
	return nil
}

func (d *Door) server() (*grpc.Server, *health.Server) {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxStreams), grpc.WaitForHandlers(true), grpc.NumStreamWorkers(workers),
		// Envoy's connection_keepalive is answered, however short it is set.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: leastPing, PermitWithoutStream: true}),
	}
	if d.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(d.TLS)))
	}
	s, h := grpc.NewServer(options...), health.NewServer()
	pb.RegisterRateLimitServiceServer(s, d)
	grpc_health_v1.RegisterHealthServer(s, h)
	for _, name := range []string{"", "ratelimit", pb.RateLimitService_ServiceDesc.ServiceName} { // the second is the peer's
		h.SetServingStatus(name, grpc_health_v1.HealthCheckResponse_SERVING)
	}
	return s, h
}
