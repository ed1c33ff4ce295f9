package shard_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipwayhq/slipway/internal/pure/shard"
)

func TestSizesOfUnits(t *testing.T) {
	files := map[string]int64{
		"go.mod": 50, "main_test.go": 70, "cart/cart.go": 900, "cart/cart_test.go": 100, "cart/more_test.go": 200, "cart/testdata/golden.json": 5000,
		"cart/testdata/test.bin": 10 << 20, "internal/cart/a_test.go": 30, "internal/empty/empty.go": 40, "internal/deep/x.go": 1, "internal/deep/under/y_test.go": 60,
		"tests/test_a.py": 1000, "tests/test_b.py": 500, "tests/conftest.py": 10, "spec/cart_spec.rb": 300, "web/src/a.test.ts": 400, "web/src/b.spec.ts": 20, "web/src/a.ts": 7,
		"src/test/java/com/shop/CartTest.java": 600, "src/main/java/com/shop/Cart.java": 9000, "crate/src/lib.rs": 800, "tests/none.py": 0,
	}
	for _, c := range []struct {
		units string
		want  []int64
	}{
		{"./cart ./internal/cart ./internal/empty", []int64{300 + 256<<10, 30, 1}}, // what is too large to be source counts little
		{"./cart ./cart/testdata", []int64{300, 256 << 10}},
		{"example.com/shop/internal/cart example.com/shop/cart example.com/shop", []int64{30, 300 + 256<<10, 0}},
		{"./internal/deep", []int64{60}},
		{"./internal/deep ./internal/deep/under", []int64{1, 60}},
		{"tests/test_a.py tests/test_b.py tests/none.py tests/gone.py", []int64{1000, 500, 1, 0}},
		{"tests/test_a.py::test_x tests/test_a.py::TestY::test_z tests/test_b.py::test_x[1-2]", []int64{500, 500, 500}},
		{"spec/cart_spec.rb:12 spec/cart_spec.rb[1:2] ./spec/cart_spec.rb", []int64{100, 100, 100}},
		{"web", []int64{420}},
		{"com.shop.CartTest com.shop.Cart com.shop.Gone CartTest#add", []int64{300, 9000, 0, 300}},
		{"crate . ../cart / : #", []int64{0, 0, 300 + 256<<10, 0, 0, 0}},
	} {
		units := strings.Fields(c.units)
		s := shard.NewSizes(units)
		for _, file := range slices.Sorted(maps.Keys(files)) {
			s.Add(file, files[file])
		}
		if diff := cmp.Diff(c.want, s.Result()); diff != "" {
			t.Errorf("%s:\n%s", c.units, diff)
		}
	}
}

func FuzzSizes(f *testing.F) {
	f.Add("./a\nb/c_test.py::x\ncom.A", "a/x_test.go\nb/c_test.py\nA.java", int64(7))
	f.Fuzz(func(t *testing.T, units, files string, bytes int64) {
		names := strings.Split(units, "\n")
		s := shard.NewSizes(names)
		for file := range strings.SplitSeq(files, "\n") {
			s.Add(file, bytes)
		}
		got := s.Result()
		if len(got) != len(names) {
			t.Fatalf("%d sizes of %d units", len(got), len(names))
		}
		for i, n := range got {
			if n < 0 {
				t.Errorf("%q: %d", names[i], n)
			}
		}
	})
}
