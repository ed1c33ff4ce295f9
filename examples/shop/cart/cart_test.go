package cart

import (
	"errors"
	"strconv"
	"testing"

	"github.com/slipwayhq/slipway/examples/shop/catalog"
)

func TestAddJoinsLinesOfOneProduct(t *testing.T) {
	var c Cart
	for _, id := range []string{"mug", "rope", "mug"} {
		if err := c.Add(id, 2); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.Lines) != 2 || c.Pieces() != 6 || c.Lines[0] != (Line{"mug", 4}) {
		t.Errorf("got %+v", c)
	}
}

func TestAddRefusesNonsense(t *testing.T) {
	var c Cart
	for _, l := range []Line{{"", 1}, {"mug", 0}, {"mug", -3}} {
		if err := c.Add(l.ID, l.Pieces); err == nil {
			t.Errorf("added %+v", l)
		}
	}
	if c.Pieces() != 0 {
		t.Errorf("cart changed: %+v", c)
	}
}

func TestAddStopsAtTheLimits(t *testing.T) {
	var c Cart
	for i := range MaxLines {
		if err := c.Add("product-"+strconv.Itoa(i), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Add("one-more", 1); !errors.Is(err, ErrFull) {
		t.Errorf("line %d: got %v", MaxLines+1, err)
	}
	if err := c.Add("product-0", MaxPieces); !errors.Is(err, ErrFull) {
		t.Errorf("piece %d: got %v", MaxPieces+1, err)
	}
	if c.Pieces() != MaxLines {
		t.Errorf("a refused piece is in the cart: %d", c.Pieces())
	}
}

func TestGoodsLeavesOutWhatIsGone(t *testing.T) {
	c := Cart{Lines: []Line{{"mug", 2}, {"no-longer-sold", 5}, {"rope", 1}}}
	if got := c.Goods(catalog.Harbour().Price); got != 2*12_90+18_00 {
		t.Errorf("got %v", got)
	}
}
