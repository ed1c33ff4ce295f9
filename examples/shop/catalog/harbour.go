package catalog

// Harbour is the catalog of the example shop, which sells things for a day by the sea.
func Harbour() *Catalog {
	return New(
		Product{"mug", "Enamel mug", "Survives being dropped on deck.", "Galley", 20, 12_90},
		Product{"kettle", "Ship's kettle", "Wide base, stays where it is put.", "Galley", 200, 39_00},
		Product{"knife", "Rigging knife", "Cuts rope and bread.", "Deck", 0, 24_50},
		Product{"rope", "Hemp rope, 10 m", "Smells of the harbour.", "Deck", 40, 18_00},
		Product{"lantern", "Storm lantern", "Stays lit when the wind turns.", "Deck", 50, 32_00},
		Product{"bell", "Brass bell", "Heard from the next pier.", "Deck", 45, 45_00},
		Product{"compass", "Pocket compass", "Knows where north is, always.", "Chart room", 210, 27_80},
		Product{"chart", "Coast chart", "Printed on cloth, folds small.", "Chart room", 170, 21_00},
		Product{"glass", "Spyglass", "Brings the horizon nearer.", "Chart room", 260, 64_00},
		Product{"cap", "Wool cap", "Warm, also when wet.", "Locker", 330, 19_90},
		Product{"coat", "Oilskin coat", "The rain is someone else's problem.", "Locker", 90, 89_00},
		Product{"boots", "Deck boots", "Grip on wet planks.", "Locker", 15, 58_00},
	)
}
