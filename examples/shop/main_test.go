package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func environment(pairs ...string) func(string) string {
	values := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

// What the last visitors did is told before the shop has closed.
func TestShopOpensAndCloses(t *testing.T) {
	told := make(chan string, 10)
	slipway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- string(body)
	}))
	defer slipway.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log bytes.Buffer
	open, closed := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		env := environment("SLIPWAY_RELEASE", "rel_42", "SLIPWAY_HOST", "agt_1", "SHOP_EVENTS_URL", slipway.URL, "SHOP_EVENTS_KEY", "wk_1")
		closed <- run(ctx, []string{"-addr", "127.0.0.1:0"}, env, &log, func(a net.Addr) { open <- a })
	}()
	select {
	case addr := <-open:
		res, err := http.Get("http://" + addr.String() + "/healthz")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("health: got %v, %v", res, err)
		}
		if res, err := http.Get("http://" + addr.String() + "/product/mug"); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("product: got %v, %v", res, err)
		}
	case err := <-closed:
		t.Fatalf("did not open: %v", err)
	}
	stop()
	if err := <-closed; err != nil {
		t.Errorf("closing: %v", err)
	}
	all := ""
	for len(told) > 0 {
		all += <-told
	}
	if !strings.Contains(all, `"rel_42/agt_1"`) || strings.Count(all, `"product_viewed"`) != 1 {
		t.Errorf("told %q", all)
	}
	if !strings.Contains(log.String(), "release=rel_42") {
		t.Errorf("the log does not name the release: %s", log.String())
	}
}

func TestSettingsNameEachMistake(t *testing.T) {
	env := environment("SHOP_ERROR_RATE", "often", "SHOP_LATENCY_MS", "3", "SHOP_SEED", "-1", "SHOP_EVENTS_SHARE", "all")
	_, err := readSettings(env, "")
	if err == nil || !strings.Contains(err.Error(), "SHOP_ERROR_RATE") || !strings.Contains(err.Error(), "SHOP_SEED") || !strings.Contains(err.Error(), "SHOP_EVENTS_SHARE") {
		t.Errorf("got %v", err)
	}
}

func TestSettings(t *testing.T) {
	s, err := readSettings(environment("SHOP_ERROR_RATE", "0.01", "SHOP_LATENCY_MS", "2.5", "SHOP_SEED", "9"), "")
	if err != nil {
		t.Fatal(err)
	}
	if s.outlook.ErrorRate != 0.01 || s.outlook.Latency != 2500*time.Microsecond || s.outlook.Seed != 9 {
		t.Errorf("got %+v", s.outlook)
	}
	if s.events.Share != 1 || s.events.URL != "" || s.events.Release != "" {
		t.Errorf("events: got %+v", s.events)
	}
	a, _ := readSettings(environment(), "127.0.0.1:1")
	b, _ := readSettings(environment(), "127.0.0.1:2")
	if a.outlook.Seed == b.outlook.Seed {
		t.Error("two processes of one host draw the same")
	}
	if got := defaultAddr(environment("PORT", "9000")); got != ":9000" {
		t.Errorf("address: got %s", got)
	}
}
