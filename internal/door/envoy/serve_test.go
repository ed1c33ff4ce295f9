package envoy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"testing"

	ratelimit "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/slipwayhq/slipway/internal/door/envoy"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// slow is a store that answers when it is told to.
type slow struct {
	takes.Store
	asked  chan struct{}
	answer chan struct{}
}

func (s slow) Take(ctx context.Context, asks []takes.Ask, answers []rate.Answer) error {
	s.asked <- struct{}{}
	<-s.answer
	return s.Store.Take(ctx, asks, answers)
}

// Who has asked before the server stops is answered; who comes later is not.
func TestAStopWaitsForAnswers(t *testing.T) {
	w := newWorld(t, shop)
	s := slow{w.door.Store, make(chan struct{}), make(chan struct{})}
	w.door.Store = s
	req := &pb.RateLimitRequest{Domain: "shop", Descriptors: []*ratelimit.RateLimitDescriptor{desc("user", "ana")}}
	answered := make(chan error, 1)
	go func() {
		_, err := w.client.ShouldRateLimit(bearing(t.Context(), key), req)
		answered <- err
	}()
	<-s.asked
	stopped := make(chan struct{})
	go func() { w.stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Error("it stopped before it had answered")
	default:
	}
	close(s.answer)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	<-stopped
	if _, err := w.client.ShouldRateLimit(bearing(t.Context(), key), req); status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
}

func TestServeSpeaksTLS(t *testing.T) {
	w := newWorld(t, shop)
	secure := httptest.NewTLSServer(nil) // for its certificate
	defer secure.Close()
	w.door.TLS = &tls.Config{Certificates: secure.TLS.Certificates, MinVersion: tls.VersionTLS12}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	running(t, func(ctx context.Context) error { return w.door.Serve(ctx, l) })
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, "example.com")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	res, err := pb.NewRateLimitServiceClient(conn).ShouldRateLimit(bearing(t.Context(), key), &pb.RateLimitRequest{Domain: "shop", Descriptors: []*ratelimit.RateLimitDescriptor{desc("user", "ana")}})
	if err != nil || res.GetStatuses()[0].GetLimitRemaining() != 2 {
		t.Error(res, err)
	}
}

func TestServeStartsAndStops(t *testing.T) {
	for range 50 {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- (&envoy.Door{}).Serve(ctx, l) }()
		cancel()
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			_ = c.Close()
			t.Fatal("the listener is open after the end")
		}
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := (&envoy.Door{}).Serve(t.Context(), l); err == nil {
		t.Error("a listener that is closed was served")
	}
}
