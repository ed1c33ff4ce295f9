package main

import "testing"

func TestHalfPriceIsNotForFree(t *testing.T) {
	if half(1) == 0 {
		t.Error("half price is not for free")
	}
}
