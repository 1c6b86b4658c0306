"""Every dialect × every scenario: what a vendor's bytes have to become, whatever the vendor."""
