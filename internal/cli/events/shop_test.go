package events

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the shop of slipway load events sends can be counted beforehand, and looks like a shop.
func TestTheShopIsBelievableAndCountable(t *testing.T) {
	const crowds = 20
	type who = map[string]bool
	events, plans, pages, did, orders := map[string]int{}, map[string]who{}, map[string]int{}, map[string]who{}, map[string]int{}
	order := map[string][]string{}
	for n := range int64(crowds * 250) {
		e := nth("r", n, time.Time{})
		name := e.Event + e.Name
		if (e.Type == "page") != (name == "page_viewed") || e.Context.Page.Path == "" {
			t.Fatalf("event %d is %+v", n, e)
		}
		events[name]++
		for to, key := range map[*map[string]who]string{&plans: e.Properties.Plan, &did: name} {
			if (*to)[key] == nil {
				(*to)[key] = who{}
			}
			(*to)[key][e.UserID] = true
		}
		if e.Type == "page" {
			pages[e.Context.Page.Path]++
		}
		if name == "order_completed" {
			orders[e.Properties.Plan]++
		}
		order[e.UserID] = append(order[e.UserID], name)
	}
	if want := map[string]int{"page_viewed": 145 * crowds, "product_viewed": 60 * crowds, "cart_filled": 24 * crowds, "order_completed": 9 * crowds, "signed_up": 12 * crowds}; !maps.Equal(events, want) {
		t.Errorf("it sends %v, not %v", events, want)
	}
	if all := 80*crowds + 20*crowds/10; len(order) != all {
		t.Errorf("%d visitors come, not %d", len(order), all)
	}
	for plan, share := range map[string]float64{"free": .70, "pro": .25, "team": .05} {
		if got := float64(len(plans[plan])) / float64(len(order)); got < share-.03 || got > share+.03 {
			t.Errorf("%.3f have the plan %s", got, plan)
		}
	}
	if want := map[string]int{"free": 5 * crowds, "pro": 3 * crowds, "team": crowds}; !maps.Equal(orders, want) {
		t.Errorf("by plans %v order, not %v", orders, want)
	}
	if len(pages) < 12 || pages["/"] <= pages["/sale"] || pages["/sale"] <= pages["/about"] {
		t.Errorf("pages are %v", pages)
	}
	if a, b, c := len(did["product_viewed"]), len(did["cart_filled"]), len(did["order_completed"]); a >= len(order) || b >= a*2/3 || c >= b*2/3 || c == 0 {
		t.Errorf("%d view a product, %d fill a cart, %d order", a, b, c)
	}
	for user, names := range order {
		if i := slices.Index(names, "signed_up"); i >= 0 && (i != 2 || slices.Index(names[i+1:], "signed_up") >= 0) {
			t.Fatalf("%s does %v", user, names)
		}
		if i := slices.Index(names, "order_completed"); i >= 0 && !strings.Contains(strings.Join(names[:i], " "), "product_viewed cart_filled page_viewed page_viewed") {
			t.Fatalf("%s does %v", user, names)
		}
	}
}

// The same n is the same event, whatever the batch; and events are about as large as they ever were, so that figures can be compared.
func TestTheShopsEventsFollowFromTheirNumber(t *testing.T) {
	var ones []sale
	read := func(body []byte) []sale {
		t.Helper()
		var b struct{ Batch []sale }
		if err := json.Unmarshal(body, &b); err != nil {
			t.Fatal(err)
		}
		for i := range b.Batch {
			b.Batch[i].Timestamp = time.Time{}
		}
		return b.Batch
	}
	one, many := &loadRun{Load: &Load{Batch: 1}, id: "0123456789ab"}, &loadRun{Load: &Load{Batch: 500}, id: "0123456789ab"}
	for n := range int64(500) {
		ones = append(ones, read(one.body(n))...)
	}
	body := many.body(0)
	if !slices.Equal(ones, read(body)) {
		t.Error("events by themselves are others than those of a batch")
	}
	if size := len(body) / 500; size < 230 || size > 290 {
		t.Errorf("an event has %d bytes", size)
	}
}
