package envoy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/takes"
)

// Door is what Envoy's filters ask.
type Door struct {
	// Key finds whose key a caller sends.
	Key func(sent string) (app, env string, ok bool)
	// Configs gives the limits of a domain; nil: there are none, and everything passes.
	Configs func(ctx context.Context, app, env, domain string) *envoylimit.Config
	Store   takes.Store
	Now     func() time.Time
	Logger  *slog.Logger
	// TLS, if given, is spoken with those who ask by gRPC; else it is plain text.
	TLS *tls.Config

	pb.UnimplementedRateLimitServiceServer
	spare  sync.Pool // *question
	ending atomic.Bool
	failed atomic.Int64 // when a failure was logged last, ns since 1970
	silent atomic.Int64 // failures that were not, since
}

var (
	errNoKey error = fault.Unauthorized("the request has no key; send one as authorization: Bearer KEY, by initial_metadata of Envoy's grpc_service or by the header Authorization")
	errKey   error = fault.Unauthorized("the key is not known, or was stopped; copy it from the keys of the app")
)

// ShouldRateLimit implements Envoy's service.
func (d *Door) ShouldRateLimit(ctx context.Context, req *pb.RateLimitRequest) (*pb.RateLimitResponse, error) {
	sent := ""
	if values := metadata.ValueFromIncomingContext(ctx, "authorization"); len(values) > 0 {
		sent = values[0]
	}
	res, err := d.answer(ctx, sent, req)
	if err != nil {
		d.tell(ctx, err)
		return nil, status.Error(codeOf(ctx, err), fault.Message(err))
	}
	return res, nil
}

// codeOf is an error's code in gRPC. None of them is an answer to a filter: failure_mode_deny decides.
func codeOf(ctx context.Context, err error) codes.Code {
	switch fault.CodeOf(err) {
	case fault.CodeInvalid:
		return codes.InvalidArgument
	case fault.CodeUnauthorized:
		return codes.Unauthenticated
	case fault.CodeForbidden:
		return codes.PermissionDenied
	case fault.CodeNotFound, fault.CodeConflict, fault.CodeLimited, fault.CodeInternal:
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return codes.DeadlineExceeded
	case ctx.Err() != nil:
		return codes.Canceled
	}
	return codes.Unavailable
}

// answer decides a request of whoever sends this Authorization.
func (d *Door) answer(ctx context.Context, authorization string, req *pb.RateLimitRequest) (*pb.RateLimitResponse, error) {
	kind, key, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(kind, "bearer") || key == "" {
		return nil, errNoKey
	}
	app, env, ok := d.Key(strings.TrimSpace(key))
	switch {
	case !ok:
		return nil, errKey
	case req.GetDomain() == "":
		return nil, fault.Invalid("rate limit domain must not be empty; set domain in Envoy's filter").At("domain")
	case len(req.GetDescriptors()) == 0:
		return nil, fault.Invalid("rate limit descriptor list must not be empty; give Envoy's route actions").At("descriptors")
	}
	q := d.question(len(req.GetDescriptors()))
	defer d.done(q)
	c := d.Configs(ctx, app, env, req.GetDomain())
	if c != nil {
		if err := q.match(c, req); err != nil {
			return nil, err
		}
		if err := q.take(ctx, d.Store); err != nil {
			return nil, err
		}
	}
	return q.response(c, d.Now().UnixNano()), nil
}

// tell logs what the caller is not told, at most once a second: when a store is away, each request fails.
func (d *Door) tell(ctx context.Context, err error) {
	if code := fault.CodeOf(err); code != fault.CodeInternal && code != fault.CodeLimited || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return
	}
	now, last := d.Now().UnixNano(), d.failed.Load()
	if now-last < int64(time.Second) && now >= last || !d.failed.CompareAndSwap(last, now) {
		d.silent.Add(1)
		return
	}
	d.Logger.Error("limits are not told to Envoy", "error", err, "more", d.silent.Swap(0))
}
