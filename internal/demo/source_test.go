//go:build cgo

package demo

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/examples/shop/events"
	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/apptest"
)

// With what the demo sets, what the shop tells is found by who asks about events, with its release.
func TestTheShopOfTheDemoIsHeard(t *testing.T) {
	s := apptest.Start(t)
	client, err := apiclient.New(apiclient.Options{URL: s.URL(), Token: apptest.Token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if _, err := client.CreateApp(t.Context(), appName); err != nil {
		t.Fatal(err)
	}
	told := &heard{}
	d := &demo{opts: Options{Tell: told, RPS: 300}, client: client, pace: watched()}
	if err := d.configure(t.Context()); err != nil {
		t.Fatal(err)
	}
	set, err := client.Config(t.Context(), apiclient.Place{App: appName, Env: "production"})
	if err != nil {
		t.Fatal(err)
	}
	get := func(name string) string { return set.Value.Settings[name] }
	if get("SHOP_EVENTS_SHARE") != "0.1" || len(told.scenes) != 2 {
		t.Errorf("a share of %s of the visitors; told: %+v", get("SHOP_EVENTS_SHARE"), told.scenes)
	}
	teller, err := events.New(events.Options{URL: get("SHOP_EVENTS_URL"), Key: get("SHOP_EVENTS_KEY"), Release: "rel_1/agt_1", Share: 1, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		teller.Tell(events.Event{Kind: "page", Name: "page_viewed", Anonymous: strconv.Itoa(i)})
	}
	ended, end := context.WithCancel(t.Context())
	end()
	teller.Run(ended)
	s.Until(t, "the page views can be asked about", func() bool {
		now := time.Now()
		a, err := client.Ask(t.Context(), appName, "top", map[string]any{"from": now.Add(-time.Hour), "to": now.Add(time.Hour), "environment": "production", "event": "page_viewed", "property": "event.release"})
		return err == nil && len(a.Value.Rows) == 1 && a.Value.Rows[0][0] == "rel_1" && a.Value.Rows[0][1] == 3.0
	})
}
