package catalog

import "testing"

func TestHarbourSellsCompleteProducts(t *testing.T) {
	all := Harbour().All()
	if len(all) != 12 {
		t.Fatalf("got %d products, want 12: was an ID used twice?", len(all))
	}
	for _, p := range all {
		if p.ID == "" || p.Name == "" || p.Blurb == "" || p.Shelf == "" || p.Hue < 0 || p.Hue > 359 || p.Price <= 0 {
			t.Errorf("incomplete product: %+v", p)
		}
	}
}

func TestFind(t *testing.T) {
	c := Harbour()
	if p, ok := c.Find("compass"); !ok || p.Name != "Pocket compass" {
		t.Errorf("compass: got %+v, %v", p, ok)
	}
	if _, ok := c.Find("anchor"); ok {
		t.Error("found an anchor, which is not for sale")
	}
	if got, ok := c.Price("mug"); !ok || got != 12_90 {
		t.Errorf("price of the mug: got %v, %v", got, ok)
	}
}

func TestSearchWantsEachWord(t *testing.T) {
	c := Harbour()
	cases := map[string]int{"": 0, "   ": 0, "ROPE": 2, "hemp rope": 1, "galley": 2, "wet": 2, "submarine": 0}
	for query, want := range cases {
		if got := c.Search(query); len(got) != want {
			t.Errorf("search %q: got %d products, want %d: %v", query, len(got), want, got)
		}
	}
}

func TestNewKeepsTheFirstOfTwo(t *testing.T) {
	c := New(Product{ID: "a", Name: "first"}, Product{ID: "a", Name: "second"})
	if p, _ := c.Find("a"); p.Name != "first" || len(c.All()) != 1 {
		t.Errorf("got %+v of %d", p, len(c.All()))
	}
}
