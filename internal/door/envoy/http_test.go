package envoy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	pb "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/protobuf/encoding/protojson"
)

// post asks by HTTP.
func (w *world) post(t *testing.T, authorization, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+"/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(out)
}

const question = `{"domain": "shop", "descriptors": [{"entries": [{"key": "user", "value": "ana"}]}], "hitsAddend": 3}`

func TestJSON(t *testing.T) {
	w := newWorld(t, shop)
	for _, want := range []int{http.StatusOK, http.StatusTooManyRequests} {
		res, body := w.post(t, "Bearer "+key, question)
		answer := &pb.RateLimitResponse{}
		if err := protojson.Unmarshal([]byte(body), answer); err != nil || res.StatusCode != want || len(answer.Statuses) != 1 {
			t.Errorf("%d %s: %v", res.StatusCode, body, err)
		}
		if got := res.Header.Get("RateLimit"); got != `"per-user";r=0;t=60` {
			t.Error(got)
		}
	}
}

func TestWhatIsNoQuestion(t *testing.T) {
	w := newWorld(t, shop)
	for name, tc := range map[string]struct {
		authorization, body, says string
		status                    int
	}{
		"no key":      {"", question, "has no key", http.StatusUnauthorized},
		"basic":       {"Basic YTpi", question, "has no key", http.StatusUnauthorized},
		"another key": {"bearer other", question, "not known", http.StatusUnauthorized},
		"no JSON":     {"bearer " + key, "{", "RateLimitRequest", http.StatusBadRequest},
		"more":        {"bearer " + key, `{"domain": "shop", "limits": 1}`, "RateLimitRequest", http.StatusBadRequest},
		"null":        {"bearer " + key, `{"domain": "shop", "descriptors": [null]}`, "RateLimitRequest", http.StatusBadRequest},
		"no domain":   {"bearer " + key, `{}`, "domain must not be empty", http.StatusBadRequest},
		"too large":   {"bearer " + key, `{"domain": "` + strings.Repeat("x", 1<<20) + `"}`, "1 MB", http.StatusRequestEntityTooLarge},
	} {
		res, body := w.post(t, tc.authorization, tc.body)
		if res.StatusCode != tc.status || !strings.Contains(body, tc.says) {
			t.Errorf("%s: %d %s", name, res.StatusCode, body)
		}
	}
	w.door.Store = away{w.door.Store}
	if res, body := w.post(t, "Bearer "+key, question); res.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "refused") {
		t.Errorf("a store that is away: %d %s", res.StatusCode, body)
	}
}

func TestHealthcheck(t *testing.T) {
	w := newWorld(t, shop)
	for _, want := range []int{http.StatusOK, http.StatusInternalServerError} {
		res, err := http.Get(w.http.URL + "/healthcheck")
		if err != nil || res.StatusCode != want {
			t.Error(res.StatusCode, err)
		}
		_ = res.Body.Close()
		w.stop()
	}
}
