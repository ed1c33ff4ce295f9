package limit_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/slipwayhq/slipway/client/limit"
)

type visit struct {
	*http.Response
	text string
}

// site is a web site of one's own, whose visitors say who they are.
func site(t *testing.T, l limit.Limiter, handler http.HandlerFunc) func(visitor string) visit {
	t.Helper()
	group := func(r *http.Request) string {
		if who := r.Header.Get("Who"); who != "" {
			return "api:" + who
		}
		return ""
	}
	s := httptest.NewServer(limit.Middleware(l, group)(handler))
	t.Cleanup(s.Close)
	return func(visitor string) visit {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Who", visitor)
		res, err := s.Client().Do(req)
		if err != nil {
			return visit{} // the handler panicked
		}
		defer res.Body.Close()
		return visit{res, read(t, res.Body)}
	}
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }

func TestMiddleware(t *testing.T) {
	w := newWorld(t)
	w.limit("api", perMinute(60, 2))
	for name, l := range map[string]limit.Limiter{"ana": w.client(), "bo": limit.NewLocal(w.client(), limit.LocalOptions{})} {
		get := site(t, l, hello)
		if v := get(name); v.StatusCode != 200 || v.text != "hello" || v.Header.Get("RateLimit") != `"api";r=1;t=1` || v.Header.Get("RateLimit-Policy") != `"api";q=60;w=60` {
			t.Errorf("%s: %d %q %v", name, v.StatusCode, v.text, v.Header)
		}
		get(name)
		const body = `{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":"Request cannot be satisfied as assigned quota has been exceeded","status":429,"violated-policies":["api"]}`
		v := get(name)
		if v.StatusCode != 429 || v.Header.Get("Retry-After") != "1" || v.Header.Get("RateLimit") != `"api";r=0;t=1` && name == "ana" || v.Header.Get("Content-Type") != "application/problem+json" || v.text != body {
			t.Errorf("%s: %d %q %v", name, v.StatusCode, v.text, v.Header)
		}
		before := w.asked.Load()
		if v := get(""); v.StatusCode != 200 || v.Header.Get("RateLimit") != "" || w.asked.Load() != before {
			t.Errorf("an empty group: %d %v", v.StatusCode, v.Header)
		}
	}
}

func TestMiddlewareOfWhatNeverComesBack(t *testing.T) {
	w := newWorld(t)
	w.limit("api", map[string]any{"kind": "ever", "amount": 1})
	get := site(t, w.client(), hello)
	get("ana")
	if v := get("ana"); v.StatusCode != 429 || v.Header["Retry-After"] != nil {
		t.Errorf("%d %v", v.StatusCode, v.Header)
	}
}

// Places of a concurrent limit are returned when handlers end, however they end.
func TestMiddlewareReturns(t *testing.T) {
	w := newWorld(t)
	w.limit("api", map[string]any{"kind": "concurrent", "amount": 1, "hold_seconds": 3600})
	in, out := make(chan struct{}), make(chan struct{})
	busy := site(t, w.client(), func(http.ResponseWriter, *http.Request) { close(in); <-out })
	ended := make(chan int)
	go func() { ended <- busy("ana").StatusCode }()
	<-in
	get := site(t, w.client(), hello)
	if v := get("ana"); v.StatusCode != 429 {
		t.Errorf("two at once: %d", v.StatusCode)
	}
	close(out)
	if status := <-ended; status != 200 {
		t.Errorf("%d", status)
	}
	if v := get("ana"); v.StatusCode != 200 {
		t.Errorf("after the handler ended: %d %s", v.StatusCode, v.text)
	}
	site(t, limit.NewLocal(w.client(), limit.LocalOptions{}), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })("ana")
	w.server.Until(t, "it is returned", func() bool { return get("ana").StatusCode == 200 })
}

func TestMiddlewareWhereNobodyAnswers(t *testing.T) {
	w := newWorld(t)
	for decided, status := range map[limit.OnError]int{limit.Open: 200, limit.Closed: 503, limit.Throw: 503} {
		v := site(t, w.client(func(o *limit.Options) { o.OnError = decided }), hello)("ana") // there is no limit
		if v.StatusCode != status || v.Header.Get("RateLimit") != "" || status == 503 && v.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s %v", decided, v.StatusCode, v.text, v.Header)
		}
	}
}
