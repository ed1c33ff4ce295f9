package draw

import "math/rand/v2"

// Choice draws indices by weight in constant time: Walker's alias method as arranged by Vose, "A linear algorithm for generating random numbers with a
// given distribution", IEEE Transactions on Software Engineering 17, 1991. The zero value draws nothing; Set makes it ready.
type Choice struct {
	keep  []float64 // the probability that a column keeps its own index
	other []int32
	todo  []int32 // room for Set
	total float64
}

// Set takes the weights, none of them negative. It keeps no reference and reuses its room.
func (c *Choice) Set(weights []float64) {
	n := len(weights)
	c.keep, c.other, c.todo, c.total = resize(c.keep, n), resize(c.other, n), resize(c.todo, n), 0
	for _, w := range weights {
		c.total += w
	}
	if c.total <= 0 {
		return
	}
	small, large := 0, n // small columns are kept at the front of todo, large ones at its back
	for i, w := range weights {
		c.keep[i], c.other[i] = w*float64(n)/c.total, int32(i)
		if c.keep[i] < 1 {
			c.todo[small] = int32(i)
			small++
		} else {
			large--
			c.todo[large] = int32(i)
		}
	}
	for small > 0 && large < n {
		small--
		s, l := c.todo[small], c.todo[large]
		c.other[s] = l
		c.keep[l] -= 1 - c.keep[s]
		if c.keep[l] < 1 {
			large++
			c.todo[small] = l
			small++
		}
	}
	for _, i := range c.todo[:small] {
		c.keep[i] = 1 // rounding left it a little below
	}
}

// Total is the sum of the weights.
func (c *Choice) Total() float64 { return c.total }

// Draw draws an index. The weights must not all be 0.
func (c *Choice) Draw(rng *rand.Rand) int {
	u := rng.Float64() * float64(len(c.keep))
	i := int(u)
	drawn := int(c.other[i]) // without a jump, which could not be foretold
	if u-float64(i) < c.keep[i] {
		drawn = i
	}
	return drawn
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// Spread puts n items into boxes by the weights, of which total is the sum: a multinomial draw, added to what is there.
func Spread(rng *rand.Rand, n int64, weights []float64, total float64, add func(box int, n int64)) {
	for i, w := range weights {
		if n <= 0 {
			return
		}
		if w <= 0 {
			continue
		}
		k := n
		if w < total {
			k = Binomial(rng, n, w/total)
		}
		if k > 0 {
			add(i, k)
		}
		n -= k
		total -= w
	}
}
