package route

import "testing"

func TestTheFailingRouteIsTheOneWithExcessErrors(t *testing.T) {
	for name, c := range map[string]struct {
		paths map[string]Total
		want  string
	}{
		"the busiest route fails as it always did": {map[string]Total{
			"/": {New: 10_000, NewErrors: 100, Old: 90_000, OldErrors: 900}, "/checkout": {New: 200, NewErrors: 40, Old: 1800, OldErrors: 8},
		}, "/checkout"},
		"nothing is worse than before": {map[string]Total{
			"/": {New: 10_000, NewErrors: 104, Old: 90_000, OldErrors: 900}, "/checkout": {New: 200, NewErrors: 2, Old: 1800, OldErrors: 8},
		}, ""},
		"two errors may be chance": {map[string]Total{
			"/": {New: 1000, Old: 9000}, "/checkout": {New: 20, NewErrors: 2, Old: 180, OldErrors: 1},
		}, ""},
		"everything fails alike": {map[string]Total{
			"/": {New: 10_000, NewErrors: 1000, Old: 90_000, OldErrors: 90}, "/checkout": {New: 1000, NewErrors: 100, Old: 9000, OldErrors: 9},
		}, ""},
		"two routes fail, one more than the other": {map[string]Total{
			"/": {New: 10_000, NewErrors: 10, Old: 90_000, OldErrors: 90}, "/cart": {New: 500, NewErrors: 100, Old: 4500}, "/checkout": {New: 500, NewErrors: 150, Old: 4500},
		}, "/checkout"},
		"a route that the old release has not": {map[string]Total{
			"/": {New: 1000, NewErrors: 1, Old: 9000, OldErrors: 9}, "/beta": {New: 50, NewErrors: 30},
		}, "/beta"},
		"the only route":             {map[string]Total{"/": {New: 1000, NewErrors: 300, Old: 9000, OldErrors: 9}}, "/"},
		"there is no old release":    {map[string]Total{"/": {New: 1000, NewErrors: 300}}, ""},
		"nothing was asked for yet":  {nil, ""},
		"half of the traffic, alone": {map[string]Total{"/": {New: 600, NewErrors: 60, Old: 5400, OldErrors: 6}, "/a": {New: 400, NewErrors: 1, Old: 3600, OldErrors: 4}}, "/"},
	} {
		if got := Worst(c.paths); got != c.want {
			t.Errorf("%s: %q is named, want %q (%+v)", name, got, c.want, Compare(c.paths))
		}
	}
}

func TestRoutesAreListedByTheirExcess(t *testing.T) {
	got := Compare(map[string]Total{
		"/busy": {New: 1000, NewErrors: 100, Old: 1000, OldErrors: 120}, "/a": {New: 100, NewErrors: 10, Old: 100, OldErrors: 2}, "/b": {New: 100, NewErrors: 12, Old: 100, OldErrors: 2},
	})
	if len(got) != 3 || got[0].Path != "/b" || got[0].Excess != 10 || got[1].Path != "/a" || got[2].Path != "/busy" || got[2].Excess != -20 {
		t.Errorf("%+v", got)
	}
}
