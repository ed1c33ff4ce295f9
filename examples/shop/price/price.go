// Package price does the shop's sums: amounts in whole cents, discounts in whole percent.
package price

import "fmt"

// Cents is an amount of money in hundredths of a euro.
type Cents int64

// FreeShippingFrom is the worth of goods from which shipping costs nothing.
const FreeShippingFrom Cents = 50_00

const parcel Cents = 4_90

// String writes an amount as people read it: "€12.90", "-€0.05".
func (c Cents) String() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Sprintf("%s€%d.%02d", sign, c/100, c%100)
}

// Times is the price of n pieces.
func (c Cents) Times(n int) Cents { return c * Cents(n) }

// Off takes a discount of 0 to 100 percent from an amount, rounded to the customer's favour.
func (c Cents) Off(percent int) Cents {
	percent = min(max(percent, 0), 100)
	return c * Cents(100-percent) / 100
}

// Shipping is what sending goods of this worth costs; nothing costs nothing.
func Shipping(goods Cents) Cents {
	if goods == 0 || goods >= FreeShippingFrom {
		return 0
	}
	return parcel
}
