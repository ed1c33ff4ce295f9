package api

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/fault"
)

// parts reads a list to its end, limit items at a time.
func parts(t *testing.T, w *world, path string, limit int) (names []string) {
	t.Helper()
	after := ""
	for range 20 {
		var page List[struct{ Name, ID string }]
		w.want(200, "GET", fmt.Sprintf("%s?limit=%d&after=%s", path, limit, url.QueryEscape(after)), "").into(t, &page)
		if len(page.Items) > limit {
			t.Fatalf("%s: %d items of at most %d", path, len(page.Items), limit)
		}
		for _, item := range page.Items {
			names = append(names, item.Name+item.ID)
		}
		if after = page.Next; after == "" {
			return names
		}
	}
	t.Fatalf("%s has no end", path)
	return nil
}

func TestListsAreReadInParts(t *testing.T) {
	w := open(t)
	for _, name := range []string{"b", "c", "a", "d", "e"} {
		w.want(200, "POST", "/v1/apps", `{"name":"`+name+`"}`)
		w.person(name, "", "")
	}
	for _, env := range []string{"staging", "qa"} {
		w.want(200, "POST", "/v1/apps/a/environments", `{"name":"`+env+`","branch":"`+env+`"}`)
	}
	if got := parts(t, w, "/v1/apps", 2); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("apps: %v", got)
	}
	if got := parts(t, w, "/v1/apps/a/environments", 1); !slices.Equal(got, []string{"production", "qa", "staging"}) {
		t.Errorf("environments: %v", got)
	}
	for path, n := range map[string]int{"/v1/people": 6, "/v1/tokens": 6} {
		whole, some := parts(t, w, path, 100), parts(t, w, path, 1)
		if len(whole) != n || !slices.Equal(whole, some) {
			t.Errorf("%s: %v in parts, %v at once", path, some, whole)
		}
	}
	var first List[access.Token]
	w.want(200, "GET", "/v1/tokens?limit=1", "").into(t, &first)
	if whole := parts(t, w, "/v1/tokens", 100); whole[0] != first.Items[0].ID || whole[0] < whole[1] {
		t.Errorf("the newest token is not the first: %v", whole)
	}
	// Who goes meanwhile is no reason to begin anew, and what is no cursor is told.
	var page List[access.Person]
	w.want(200, "GET", "/v1/people?limit=3", "").into(t, &page)
	w.want(204, "DELETE", "/v1/people/"+page.Items[2].Name, "")
	w.want(200, "GET", "/v1/people?limit=2&after="+page.Next, "").into(t, &page)
	if len(page.Items) != 2 || page.Items[0].Name != "c" {
		t.Errorf("after somebody was removed: %+v", page.Items)
	}
	for _, after := range []string{"zzz", "c_%", "-1", "c_!"} {
		w.want(422, "GET", "/v1/people?after="+url.QueryEscape(after), "")
	}
}

func TestCursorsThatAreIDs(t *testing.T) {
	id := event.NewKey("bld", time.Unix(1.8e9, 0))
	if got, err := (Page{After: id}).key("bld"); got != id || err != nil {
		t.Errorf("%s: %s, %v", id, got, err)
	}
	for _, after := range []string{"zzz", "bld_", "bld_zzz", id + "0", "rol" + id[3:], id[:29] + "u"} {
		if _, err := (Page{After: after}).key("bld"); !fault.Is(err, fault.CodeInvalid) {
			t.Errorf("%s is taken for a cursor: %v", after, err)
		}
	}
}
