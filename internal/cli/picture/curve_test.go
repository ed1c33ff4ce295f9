package picture

import "testing"

func TestCurve(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	for want, values := range map[string][]*float64{
		"": nil, "▁▁": {v(0), v(0)}, " █▄": {nil, v(8), v(3.5)}, "▄█": {v(1), v(3), nil, v(4)},
	} {
		if got := Curve(values, min(max(len(values), 1), 3)); len(values) < 4 && got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := Curve([]*float64{v(1), v(3), nil, v(4)}, 2); got != "▅█" {
		t.Errorf("two wide: %q", got)
	}
}
