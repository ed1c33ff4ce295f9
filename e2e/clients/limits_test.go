package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	common "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/slipwayhq/slipway/internal/app"
	"github.com/slipwayhq/slipway/internal/apptest"
)

// limited is a server with limits, and a key of the app's backend.
type limited struct {
	*place
	envoy string // where its filters ask
}

func newLimited(t *testing.T) *limited {
	t.Helper()
	l := &limited{place: &place{T: t, dir: t.TempDir(), addr: freeAddress(t)}}
	l.restart()
	l.server.Must(t, "POST", "/v1/apps", map[string]any{"name": "shop"}, nil)
	var key struct{ Key string }
	l.server.Must(t, "POST", "/v1/apps/shop/keys", map[string]any{"name": "backend", "kind": "server", "environment": "production"}, &key)
	l.key = key.Key
	return l
}

// restart starts the server, or starts it again at the same addresses.
func (l *limited) restart() {
	l.Helper()
	if l.server != nil {
		l.server.Stop()
	}
	if l.envoy == "" {
		l.envoy = strings.Replace(l.addr, ":19", ":18", 1) // as free as the other, and another
	}
	l.server = apptest.Start(l, func(o *app.Options) { o.Dir, o.Listen, o.LimitListen = l.dir, l.addr, l.envoy })
}

// filter asks as Envoy does, by its own messages.
func (l *limited) filter() func(ctx context.Context, hits uint32, entries ...string) (*pb.RateLimitResponse, error) {
	l.Helper()
	conn, err := grpc.NewClient(l.envoy, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = conn.Close() })
	client := pb.NewRateLimitServiceClient(conn)
	return func(ctx context.Context, hits uint32, entries ...string) (*pb.RateLimitResponse, error) {
		d := &common.RateLimitDescriptor{}
		for i := 0; i < len(entries); i += 2 {
			d.Entries = append(d.Entries, &common.RateLimitDescriptor_Entry{Key: entries[i], Value: entries[i+1]})
		}
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+l.key)
		return client.ShouldRateLimit(ctx, &pb.RateLimitRequest{Domain: "web", Descriptors: []*common.RateLimitDescriptor{d}, HitsAddend: hits}, grpc.WaitForReady(true))
	}
}

// Envoy's limits through a restart: what was taken is taken.
func TestEnvoysLimits(t *testing.T) {
	l := newLimited(t)
	l.server.Must(t, "PUT", "/v1/apps/shop/limit-domains/web", map[string]any{"yaml": `
domain: web
descriptors:
  - key: tenant
    descriptors:
      - key: path
        value: /search
        rate_limit: {unit: year, requests_per_unit: 5}
  - key: crowd
    rate_limit: {unit: year, requests_per_unit: 100}
`}, nil)
	ask := l.filter()
	res, err := ask(t.Context(), 4, "tenant", "acme", "path", "/search")
	if err != nil || res.GetOverallCode() != pb.RateLimitResponse_OK || res.GetStatuses()[0].GetLimitRemaining() != 1 || res.GetStatuses()[0].GetCurrentLimit().GetRequestsPerUnit() != 5 {
		t.Fatalf("%v %v", res, err)
	}
	l.restart()
	if res, err = ask(t.Context(), 2, "tenant", "acme", "path", "/search"); err != nil || res.GetOverallCode() != pb.RateLimitResponse_OVER_LIMIT {
		t.Errorf("after a restart: %v %v", res, err)
	}
	if res, err = ask(t.Context(), 2, "tenant", "other", "path", "/search"); err != nil || res.GetOverallCode() != pb.RateLimitResponse_OK {
		t.Errorf("another tenant: %v %v", res, err)
	}
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 800 {
		wg.Go(func() {
			res, err := ask(t.Context(), 1, "crowd", "one")
			if err != nil {
				t.Error(err)
			}
			if res.GetOverallCode() == pb.RateLimitResponse_OK {
				passed.Add(1)
			}
		})
	}
	wg.Wait()
	if passed.Load() != 100 {
		t.Errorf("800 at once on a limit of 100: %d passed", passed.Load())
	}
}

// ratelimit posts to RateLim.it's paths.
func (l *limited) ratelimit(method, path, kind string, body []byte) (int, []byte) {
	l.Helper()
	req, err := http.NewRequestWithContext(l.Context(), method, "http://"+l.addr+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		l.Fatal(err)
	}
	req.SetBasicAuth("shop", l.key)
	req.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		l.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		l.Fatal(err)
	}
	return res.StatusCode, answer
}

// RateLim.it's once-ever, asked in both encodings through a restart: it is given once.
func TestRateLimItsLimits(t *testing.T) {
	const text, proto = "application/json", "application/x-protobuf"
	l := newLimited(t)
	if status, answer := l.ratelimit("POST", "/limits", text, []byte(`{"limit":1,"group":"event:activation","burst":1,"policyName":"INFINITE","returnable":false}`)); status != 204 {
		t.Fatalf("%d %s", status, answer)
	}
	inJSON := func(user string) bool {
		var out struct{ Passed bool }
		status, answer := l.ratelimit("POST", "/limitcheck", text, fmt.Appendf(nil, `{"acquireAmount":1,"groups":["event:activation:%s"],"allowPartialResponse":false}`, user))
		if err := json.Unmarshal(answer, &out); err != nil || status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		return out.Passed
	}
	inProto := func(user string) bool { // field 4 of the question has the groups, field 1 of the answer is whether it passed
		status, answer := l.ratelimit("POST", "/limitcheck", proto, protowire.AppendString(protowire.AppendTag(nil, 4, protowire.BytesType), "event:activation:"+user))
		num, kind, n := protowire.ConsumeTag(answer)
		if status != 200 || n < 0 || num != 1 || kind != protowire.VarintType {
			t.Fatalf("%d %x", status, answer)
		}
		passed, _ := protowire.ConsumeVarint(answer[n:])
		return passed == 1
	}
	first := []bool{inJSON("ana"), inProto("ana"), inProto("bo"), inJSON("bo")}
	l.restart()
	again := []bool{inJSON("ana"), inProto("bo"), inJSON("cy"), inProto("cy")}
	if fmt.Sprint(first, again) != "[true false true false] [false false true false]" {
		t.Errorf("%v, and after a restart %v", first, again)
	}
}
