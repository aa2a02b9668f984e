-- fail: a charge has a kind that does not fit its state, a price without a cost, or a cost without a price.
SELECT charges.charge_id, charges.day, charges.team, charges.state, charges.charge_kind, charges.cost, charges.price_status
FROM staged.charges AS charges
WHERE charges.charge_kind <> CASE
    WHEN charges.state IN ('allocated_active', 'allocated_unobserved') THEN 'usage'
    WHEN charges.state = 'allocated_idle' THEN 'idle'
    WHEN charges.state IN ('maintenance', 'unhealthy') THEN 'overhead'
    ELSE 'unallocated'
  END
  OR charges.price_status <> CASE WHEN charges.unit_price IS NULL THEN 'unpriced' ELSE 'priced' END
  OR (charges.cost IS NULL) <> (charges.unit_price IS NULL)
  OR charges.device_seconds < 0
  OR charges.cost < 0
ORDER BY charges.day, charges.charge_id
