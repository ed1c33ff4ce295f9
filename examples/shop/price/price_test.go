package price

import "testing"

func TestStringShowsEurosAndCents(t *testing.T) {
	for amount, want := range map[Cents]string{0: "€0.00", 5: "€0.05", 12_90: "€12.90", -5: "-€0.05", 1234_00: "€1234.00"} {
		if got := amount.String(); got != want {
			t.Errorf("%d cents: got %q, want %q", int64(amount), got, want)
		}
	}
}

func TestOffRoundsToTheCustomersFavour(t *testing.T) {
	cases := []struct {
		amount  Cents
		percent int
		want    Cents
	}{{10_00, 0, 10_00}, {10_00, 15, 8_50}, {9_99, 50, 4_99}, {10_00, 100, 0}, {10_00, 140, 0}, {10_00, -5, 10_00}}
	for _, c := range cases {
		if got := c.amount.Off(c.percent); got != c.want {
			t.Errorf("%v less %d%%: got %v, want %v", c.amount, c.percent, got, c.want)
		}
	}
}

func TestShippingIsFreeFromFiftyEuros(t *testing.T) {
	for goods, want := range map[Cents]Cents{0: 0, 1: 4_90, 49_99: 4_90, 50_00: 0, 80_00: 0} {
		if got := Shipping(goods); got != want {
			t.Errorf("goods of %v: got shipping %v, want %v", goods, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	if got := Cents(3_30).Times(3); got != 9_90 {
		t.Errorf("three at 3.30: got %v", got)
	}
}
