"""How processes hear and ask each other: wire, routing, broker, client, actor shell."""
