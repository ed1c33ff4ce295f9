package clients

import (
	"log/slog"
	"testing"
	"time"

	gb "github.com/growthbook/growthbook-golang"
)

// GrowthBook's client in Go: by its stream, and by asking from time to time; plain, encrypted, and with a payload that browsers would have to fetch.
func TestGrowthBookInGo(t *testing.T) {
	p := newFlags(t)
	server, sealed := p.flagKey("backend", `"kind": "server"`), p.flagKey("sealed", `"kind": "server", "encrypted": true`)
	var clients []*gb.Client
	for _, k := range []flagKey{server, sealed} {
		for _, source := range []gb.ClientOption{gb.WithSseDataSource(gb.WithSseMaxRetryInterval(time.Second)), gb.WithPollDataSource(100 * time.Millisecond)} {
			options := []gb.ClientOption{gb.WithApiHost(p.server.URL()), gb.WithClientKey(k.Key), source, gb.WithAttributes(gb.Attributes{"id": "u1", "country": "CA"}), gb.WithLogger(slog.New(slog.NewTextHandler(t.Output(), nil)))}
			if k.Encryption != "" {
				options = append(options, gb.WithDecryptionKey(k.Encryption))
			}
			c, err := gb.NewClient(t.Context(), options...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() }) // what it says of its end is no matter
			if err := c.EnsureLoaded(t.Context()); err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
		}
	}
	value := func(c *gb.Client, id, country, flag string) any {
		t.Helper()
		other, err := c.WithAttributes(gb.Attributes{"id": id, "country": country})
		if err != nil {
			t.Fatal(err)
		}
		return other.EvalFeature(t.Context(), flag).Value
	}
	all := func(what, flag string, want any) {
		t.Helper()
		p.until(what, func() bool {
			for _, c := range clients {
				if value(c, "u2", "US", flag) != want {
					return false
				}
			}
			return true
		})
	}
	all("members are known", "member", "yes")
	all("visitors from the US have the new one", "checkout", "new")
	p.turn("checkout", `{"on": true, "default": "newest"}`)
	all("the newest is there", "checkout", "newest")

	p.server.Stop()
	for _, c := range clients {
		if ca, us := value(c, "u1", "CA", "member"), value(c, "u2", "US", "member"); ca != "no" || us != "yes" {
			t.Errorf("without a server: %v, %v", ca, us)
		}
	}
	p.start()
	p.turn("color", `{"on": true, "default": "blue"}`)
	all("the next change is there", "color", "blue")
	long := make([]byte, 40_000)
	for i := range long {
		long[i] = 'x'
	}
	p.turn("checkout", `{"on": true, "default": "`+string(long)+`"}`)
	all("the large one is there", "checkout", string(long))
}
