package envoy_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ratelimit "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/envoylimit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

const (
	ok   = pb.RateLimitResponse_OK
	over = pb.RateLimitResponse_OVER_LIMIT
)

const shop = `domain: shop
descriptors:
- key: user
  rate_limit: {name: per-user, unit: minute, requests_per_unit: 3}
- key: route
  rate_limit: {unit: hour, requests_per_unit: 10}
- key: plan
  shadow_mode: true
  rate_limit: {unit: day, requests_per_unit: 1}
- key: banned
  rate_limit: {unit: second, requests_per_unit: 0}
- key: steady
  rate_limit: {unit: minute, requests_per_unit: 60, rolling: true, burst: 2}
- key: window
  rate_limit: {unit: minute, requests_per_unit: 4, rolling: true, unit_multiplier: 5}
- key: open
  rate_limit: {unlimited: true}
- key: staff
  rate_limit: {unit: minute, requests_per_unit: 5, replaces: [{name: per-user}]}
- key: trusted
  rate_limit: {unlimited: true, replaces: [{name: per-user}]}
- key: tokens
  quota_mode: true
  rate_limit: {unit: day, requests_per_unit: 100}
- key: calls
  quota_mode: true
  rate_limit: {unit: day, requests_per_unit: 2}
`

// same compares an answer with its JSON.
func same(t *testing.T, got *pb.RateLimitResponse, want string) {
	t.Helper()
	wanted := &pb.RateLimitResponse{}
	if err := protojson.Unmarshal([]byte(want), wanted); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, got, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestAnswersSayHowEachDescriptorStands(t *testing.T) {
	w := newWorld(t, shop)
	w.clock.Add(int64(30500 * time.Millisecond))
	for range 2 {
		w.ask(t, 0, desc("user", "ana"))
	}
	same(t, w.ask(t, 0, desc("user", "ana"), desc("nobody", "knows"), desc("open", "all"), desc("route", "/pay"), desc("plan", "free")), `{
		"overallCode": "OK",
		"statuses": [
			{"code": "OK", "currentLimit": {"name": "per-user", "requestsPerUnit": 3, "unit": "MINUTE"}, "durationUntilReset": "30s"},
			{"code": "OK"},
			{"code": "OK", "limitRemaining": 4294967295},
			{"code": "OK", "currentLimit": {"requestsPerUnit": 10, "unit": "HOUR"}, "limitRemaining": 9, "durationUntilReset": "3570s"},
			{"code": "OK", "currentLimit": {"requestsPerUnit": 1, "unit": "DAY"}, "durationUntilReset": "43170s"}],
		"responseHeadersToAdd": [{"key": "RateLimit-Policy", "value": "\"per-user\";q=3;w=60"}, {"key": "RateLimit", "value": "\"per-user\";r=0;t=30"}]}`)
	same(t, w.ask(t, 0, desc("user", "ana"), desc("route", "/pay"), desc("plan", "free")), `{
		"overallCode": "OVER_LIMIT",
		"statuses": [
			{"code": "OVER_LIMIT", "currentLimit": {"name": "per-user", "requestsPerUnit": 3, "unit": "MINUTE"}, "durationUntilReset": "30s"},
			{"code": "OK", "currentLimit": {"requestsPerUnit": 10, "unit": "HOUR"}, "limitRemaining": 8, "durationUntilReset": "3570s"},
			{"code": "OK", "currentLimit": {"requestsPerUnit": 1, "unit": "DAY"}, "durationUntilReset": "43170s"}],
		"responseHeadersToAdd": [{"key": "RateLimit-Policy", "value": "\"per-user\";q=3;w=60"}, {"key": "RateLimit", "value": "\"per-user\";r=0;t=30"}]}`)
	// What was over did not keep the others from counting; and the next minute begins anew.
	w.clock.Add(int64(30 * time.Second))
	res := w.ask(t, 0, desc("user", "ana"), desc("route", "/pay"))
	if res.OverallCode != ok || res.Statuses[0].LimitRemaining != 2 || res.Statuses[1].LimitRemaining != 7 {
		t.Error(res)
	}
}

func TestHitsOfARequestAndOfADescriptor(t *testing.T) {
	w := newWorld(t, shop)
	own := func(n uint64, pairs ...string) *ratelimit.RateLimitDescriptor {
		d := desc(pairs...)
		d.HitsAddend = wrapperspb.UInt64(n)
		return d
	}
	res := w.ask(t, 4, desc("route", "/a"), own(2, "route", "/b"), own(0, "route", "/c"))
	for i, left := range []uint32{6, 8, 10} {
		if res.Statuses[i].LimitRemaining != left || res.Statuses[i].Code != ok {
			t.Errorf("%d: %v", i, res.Statuses[i])
		}
	}
	// What is refused was used all the same, as with the peer: nothing is left, and who looks is told so.
	for _, step := range []struct {
		hits uint64
		code pb.RateLimitResponse_Code
	}{{7, over}, {0, over}, {1, over}} {
		if res := w.ask(t, 0, own(step.hits, "route", "/a")); res.OverallCode != step.code || res.Statuses[0].LimitRemaining != 0 {
			t.Errorf("%d hits: %v", step.hits, res)
		}
	}
	if res := w.ask(t, 0, own(math.MaxUint64, "route", "/d")); res.OverallCode != over {
		t.Error("more than any number passed", res)
	}
	if res := w.ask(t, 0, own(0, "banned", "x")); res.OverallCode != over {
		t.Error("a limit of nothing lets look", res)
	}
	for range 2 {
		if res := w.ask(t, 0, desc("plan", "spent"), own(0, "plan", "spent")); res.OverallCode != ok || res.Statuses[1].Code != ok {
			t.Error("a limit in the shadow denies who looks", res)
		}
	}
	// The same descriptor twice counts twice.
	if res := w.ask(t, 0, desc("route", "/e"), desc("route", "/e")); res.Statuses[0].LimitRemaining != 9 || res.Statuses[1].LimitRemaining != 8 {
		t.Error(res)
	}
}

func TestLimitsOfARequest(t *testing.T) {
	w := newWorld(t, shop)
	with := func(amount uint32, unit typev3.RateLimitUnit, every uint32) *ratelimit.RateLimitDescriptor {
		d := desc("user", "eve")
		d.Limit = &ratelimit.RateLimitDescriptor_RateLimitOverride{RequestsPerUnit: amount, Unit: unit}
		if every > 0 {
			d.Limit.UnitMultiplier = wrapperspb.UInt32(every)
		}
		return d
	}
	res := w.ask(t, 0, with(1, typev3.RateLimitUnit_HOUR, 0))
	same(t, res, `{"overallCode": "OK", "statuses": [{"code": "OK", "currentLimit": {"requestsPerUnit": 1, "unit": "HOUR"}, "durationUntilReset": "3600s"}],
		"responseHeadersToAdd": [{"key": "RateLimit-Policy", "value": "\"1/hour\";q=1;w=3600"}, {"key": "RateLimit", "value": "\"1/hour\";r=0;t=3600"}]}`)
	if res := w.ask(t, 0, with(1, typev3.RateLimitUnit_HOUR, 1)); res.OverallCode != over {
		t.Error(res)
	}
	if res := w.ask(t, 0, with(5, typev3.RateLimitUnit_HOUR, 0)); res.OverallCode != ok || res.Statuses[0].LimitRemaining != 3 {
		t.Error("a raised limit is not one of the same hour", res)
	}
	if res := w.ask(t, 0, with(2, typev3.RateLimitUnit_MINUTE, 5)); res.Statuses[0].CurrentLimit.GetUnitMultiplier().GetValue() != 5 || res.Statuses[0].DurationUntilReset.GetSeconds() != 150 {
		t.Error(res)
	}
	if _, err := w.client.ShouldRateLimit(bearing(t.Context(), key), &pb.RateLimitRequest{Domain: "shop", Descriptors: []*ratelimit.RateLimitDescriptor{with(1, 0, 0)}}); status.Code(err) != codes.InvalidArgument {
		t.Error("a limit without a unit:", err)
	}
}

func TestReplacedLimitsDoNotCount(t *testing.T) {
	w := newWorld(t, shop)
	for _, by := range []string{"staff", "trusted"} {
		res := w.ask(t, 0, desc("user", "ana"), desc(by, "ana"))
		if s := res.Statuses[0]; s.CurrentLimit != nil || s.LimitRemaining != 0 || s.Code != ok {
			t.Errorf("%s: %v", by, s)
		}
	}
	if res := w.ask(t, 0, desc("user", "ana")); res.Statuses[0].LimitRemaining != 2 {
		t.Error("a replaced limit counted", res)
	}
}

// A quota that is spent denies only where all of them are.
func TestQuotas(t *testing.T) {
	w := newWorld(t, shop)
	both := []*ratelimit.RateLimitDescriptor{desc("tokens", "a"), desc("calls", "a")}
	for i, want := range []pb.RateLimitResponse_Code{ok, ok, ok} {
		if res := w.ask(t, 0, both...); res.OverallCode != want {
			t.Errorf("%d: %v", i, res)
		}
	}
	if res := w.ask(t, 0, both...); res.Statuses[1].Code != over || res.Statuses[0].LimitRemaining != 96 {
		t.Error(res)
	}
	if res := w.ask(t, 97, both...); res.OverallCode != over {
		t.Error("both quotas are spent:", res)
	}
}

func TestRollingLimits(t *testing.T) {
	w := newWorld(t, shop)
	for i, want := range []pb.RateLimitResponse_Code{ok, ok, over} {
		res := w.ask(t, 0, desc("steady", "a"))
		if res.OverallCode != want {
			t.Errorf("%d: %v", i, res)
		}
	}
	w.clock.Add(int64(time.Second))
	if res := w.ask(t, 0, desc("steady", "a")); res.OverallCode != ok {
		t.Error("after a second one has come back", res)
	}
	if res := w.ask(t, 0, desc("window", "a")); res.Statuses[0].CurrentLimit.GetUnitMultiplier().GetValue() != 5 || res.ResponseHeadersToAdd[0].Value != `"window";q=4;w=300` {
		t.Error(res)
	}
}

func TestManyDescriptors(t *testing.T) {
	w := newWorld(t, shop)
	var many []*ratelimit.RateLimitDescriptor
	for i := range 3 * takes.Most {
		many = append(many, desc("route", strings.Repeat("x", 1+i/2)))
	}
	res := w.ask(t, 5, many...)
	for i, s := range res.Statuses {
		if want := uint32(5 - i%2*5); s.LimitRemaining != want || s.Code != ok {
			t.Errorf("%d: %v", i, s)
		}
	}
	if res := w.ask(t, 1, many...); res.OverallCode != over || len(res.Statuses) != len(many) {
		t.Error(res.OverallCode)
	}
}

func TestHeadersAreThoseOfTheDomain(t *testing.T) {
	for kind, want := range map[string]string{
		"none": "", "ratelimit": "RateLimit-Policy RateLimit", "x-ratelimit": "x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset",
		"both": "RateLimit-Policy RateLimit x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset",
	} {
		w := newWorld(t, "response_headers: "+kind+"\n"+shop)
		var names []string
		for _, h := range w.ask(t, 0, desc("route", "/")).ResponseHeadersToAdd {
			names = append(names, h.Key)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s", kind, got)
		}
		if res := w.ask(t, 0, desc("plan", "free"), desc("nobody", "")); len(res.ResponseHeadersToAdd) > 0 {
			t.Errorf("%s: a limit in the shadow is told: %v", kind, res)
		}
	}
}

// The limit that denies is the one that is told, also where another has nothing left.
func TestHeadersTellWhatDenies(t *testing.T) {
	w := newWorld(t, shop)
	res := w.ask(t, 3, desc("user", "ana"), desc("banned", "x"))
	if res.Statuses[0].LimitRemaining != 0 || res.Statuses[0].Code != ok || len(res.ResponseHeadersToAdd) != 2 || res.ResponseHeadersToAdd[1].Value != `"banned";r=0;t=1` {
		t.Error(res)
	}
}

func TestWhoIsNotAnswered(t *testing.T) {
	w := newWorld(t, shop)
	asked := func(ctx context.Context, req *pb.RateLimitRequest) codes.Code {
		_, err := w.client.ShouldRateLimit(ctx, req)
		return status.Code(err)
	}
	good := &pb.RateLimitRequest{Domain: "shop", Descriptors: []*ratelimit.RateLimitDescriptor{desc("user", "ana")}}
	negative := proto.Clone(good).(*pb.RateLimitRequest)
	negative.Descriptors[0].IsNegativeHits = true
	for name, tc := range map[string]struct {
		ctx  context.Context
		req  *pb.RateLimitRequest
		want codes.Code
	}{
		"no key":          {t.Context(), good, codes.Unauthenticated},
		"another key":     {bearing(t.Context(), "other"), good, codes.Unauthenticated},
		"no domain":       {bearing(t.Context(), key), &pb.RateLimitRequest{Descriptors: good.Descriptors}, codes.InvalidArgument},
		"no descriptors":  {bearing(t.Context(), key), &pb.RateLimitRequest{Domain: "shop"}, codes.InvalidArgument},
		"negative hits":   {bearing(t.Context(), key), negative, codes.InvalidArgument},
		"a large request": {bearing(t.Context(), key), &pb.RateLimitRequest{Domain: strings.Repeat("x", 2<<20)}, codes.ResourceExhausted},
		"another domain":  {bearing(t.Context(), key), &pb.RateLimitRequest{Domain: "other", Descriptors: good.Descriptors}, codes.OK},
		"no entries":      {bearing(t.Context(), key), &pb.RateLimitRequest{Domain: "shop", Descriptors: []*ratelimit.RateLimitDescriptor{{}}}, codes.OK},
	} {
		if got := asked(tc.ctx, tc.req); got != tc.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if res := w.ask(t, 0, desc("user", "ana")); res.Statuses[0].LimitRemaining != 2 {
		t.Error("who is not answered takes nothing", res)
	}
	if w.log.String() != "" {
		t.Errorf("mistakes of callers are logged: %s", &w.log)
	}
}

// away is a store that does not answer.
type away struct{ takes.Store }

func (away) Take(context.Context, []takes.Ask, []rate.Answer) error {
	return fault.New(fault.CodeInternal, "the store does not answer").Because(errors.New("connection refused"))
}

// Where nobody knows, nobody is told that a limit is over: Envoy's failure_mode_deny decides.
func TestStoreIsAway(t *testing.T) {
	w := newWorld(t, shop)
	w.door.Store = away{w.door.Store}
	for range 5 {
		res, err := w.client.ShouldRateLimit(bearing(t.Context(), key), &pb.RateLimitRequest{Domain: "shop", Descriptors: []*ratelimit.RateLimitDescriptor{desc("user", "ana")}})
		if res != nil || status.Code(err) != codes.Unavailable || strings.Contains(err.Error(), "refused") {
			t.Error(res, err)
		}
	}
	if got := strings.Count(w.log.String(), "connection refused"); got != 1 {
		t.Errorf("five failures of one second are logged %d times", got)
	}
	if res, err := w.client.ShouldRateLimit(bearing(t.Context(), key), &pb.RateLimitRequest{Domain: "shop", Descriptors: []*ratelimit.RateLimitDescriptor{desc("open", "x")}}); err != nil || res.OverallCode != ok {
		t.Error("what is unlimited asks no store", res, err)
	}
}

func TestACrowdGetsWhatThereIs(t *testing.T) {
	w := newWorld(t, "domain: crowd\ndescriptors:\n- key: all\n  rate_limit: {unit: day, requests_per_unit: 100}\n- key: each\n  rate_limit: {unit: day, requests_per_unit: 1000}\n")
	var passed atomic.Int64
	var all sync.WaitGroup
	for range 800 {
		all.Go(func() {
			if w.ask(t, 0, desc("all", "x"), desc("each", "y")).OverallCode == ok {
				passed.Add(1)
			}
		})
	}
	all.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d passed", passed.Load())
	}
	// Each of the 800 counted where there was room.
	if res := w.ask(t, 0, desc("each", "y")); res.Statuses[0].LimitRemaining != 199 {
		t.Error(res)
	}
}

// An override of one key holds at once, and is what answers tell.
func TestOverridesOfKeys(t *testing.T) {
	w := newWorld(t, shop)
	more := w.config.Match([]envoylimit.Entry{{Key: "user", Value: "vip"}})
	rule, err := rate.Compile(rate.Limit{Kind: rate.Calendar, Amount: 50, Unit: rate.Minute}, nil)
	if err != nil {
		t.Fatal(err)
	}
	more.Limit.Defined.Overrides = map[string]*rate.Rule{more.Group: rule}
	if s := w.ask(t, 0, desc("user", "vip")).Statuses[0]; s.LimitRemaining != 49 || s.CurrentLimit.RequestsPerUnit != 50 {
		t.Error(s)
	}
	if s := w.ask(t, 0, desc("user", "ana")).Statuses[0]; s.LimitRemaining != 2 {
		t.Error(s)
	}
}

func TestGroupsFitTheStore(t *testing.T) {
	if envoylimit.LongestGroup != takes.Longest {
		t.Errorf("groups have up to %d bytes, and stores take %d", envoylimit.LongestGroup, takes.Longest)
	}
	w := newWorld(t, shop)
	long := strings.Repeat("x", 100_000)
	for _, want := range []uint32{2, 1} {
		if s := w.ask(t, 0, desc("user", long)).Statuses[0]; s.LimitRemaining != want {
			t.Error(s)
		}
	}
}

func TestHealthOverGRPC(t *testing.T) {
	w := newWorld(t, shop)
	asks := grpc_health_v1.NewHealthClient(w.conn)
	for _, service := range []string{"", "ratelimit", "envoy.service.ratelimit.v3.RateLimitService"} {
		res, err := asks.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
		if err != nil || res.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v", service, res, err)
		}
	}
	watch, err := asks.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if res, err := watch.Recv(); err != nil || res.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatal(res, err)
	}
	go w.stop()
	if res, err := watch.Recv(); err != nil || res.Status != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("a server that stops says %v, %v", res, err)
	}
}
