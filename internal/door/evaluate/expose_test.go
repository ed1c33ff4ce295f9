package evaluate

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/expose"
)

// A ramp's rule leaves the old value to the rules behind it. Both who is given the new value and who is not are told of, with the experiment's key.
func TestBothArmsOfARampAreToldOf(t *testing.T) {
	var mu sync.Mutex
	told := map[string]expose.Exposure{}
	w := newWorld(t, func(d *Door) {
		d.Expose = func(e expose.Exposure) {
			mu.Lock()
			defer mu.Unlock()
			told[e.User] = e
		}
	})
	w.make("plain", "0", `[{"force": 1}]`)
	w.make("cart", "0", `[{"key": "rmp_1/2", "seed": "rmp_1", "hashVersion": 2, "variations": [0, 2], "weights": [0.5, 0.5], "meta": [{"key": "old", "passthrough": true}, {"key": "new"}]}, {"condition": {"vip": true}, "force": 1}]`)
	k := w.key(flag.Key{Kind: "server"}, false).Key
	ask := func(name, user string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.http.URL+"/ofrep/v1/evaluate/flags/"+name, strings.NewReader(`{"context":{"targetingKey":"`+user+`","vip":true}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", k)
		req.Header.Set("Slipway-Release", "rel_1")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%d %s %v", res.StatusCode, body, err)
		}
		return string(body)
	}
	seen := map[string]int{}
	for i := range 40 {
		user := fmt.Sprint("u", i)
		body := ask("cart", user)
		e, ok := told[user]
		if !ok || e.Experiment != "rmp_1/2" || e.Flag != "cart" || e.Release != "rel_1" || !strings.Contains(body, `"experimentKey":"rmp_1/2"`) || !strings.Contains(body, `"variant":"`+e.Variation+`"`) || !strings.Contains(body, `"reason":"SPLIT"`) {
			t.Fatalf("%s: %+v", body, e)
		}
		if want := map[string]string{"old": "1", "new": "2"}[e.Variation]; e.Value != want || !strings.Contains(body, `"value":`+want) {
			t.Errorf("%s: %+v", body, e)
		}
		seen[e.Variation]++
	}
	if seen["old"] < 8 || seen["new"] < 8 {
		t.Errorf("%v", seen)
	}
	before := len(told)
	if ask("plain", "somebody"); len(told) != before {
		t.Error("a flag without an experiment is told of")
	}
}
