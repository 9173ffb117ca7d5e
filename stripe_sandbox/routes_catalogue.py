"""What is sold: products, prices, features, coupons and promotion codes."""

from . import catalogue, discounts, features
from .api import Endpoint, endpoint
from .routing import every, params, params_in, show

PRODUCT = catalogue.PRODUCT_FIELDS + " metadata"

ENDPOINTS: list[Endpoint] = [
    endpoint("POST", "/v1/entitlements/features", params_in("entitlements", "feature_create"), features.create,
             "lookup_key name metadata"),
    endpoint("GET", "/v1/entitlements/features", params_in("entitlements", "feature_list"), features.list_features,
             "lookup_key PAGING"),
    endpoint("GET", "/v1/entitlements/features/{id}", params_in("entitlements", "feature_retrieve"),
             show("entitlements.feature", "id")),
    endpoint("POST", "/v1/products/{product}/features", params("product_feature_create"), features.attach,
             "entitlement_feature"),
    endpoint("GET", "/v1/products/{product}/features", params("product_feature_list"), features.list_attached,
             "PAGING"),
    endpoint("DELETE", "/v1/products/{product}/features/{id}", params("product_feature_delete"), features.detach),
    endpoint("POST", "/v1/products", params("product_create"), catalogue.create_product,
             PRODUCT + " id default_price_data"),
    endpoint("GET", "/v1/products", params("product_list"), catalogue.list_products, "active created ids PAGING"),
    endpoint("GET", "/v1/products/{id}", params("product_retrieve"), show("product", "id")),
    endpoint("POST", "/v1/products/{id}", params("product_update"), catalogue.update_product,
             PRODUCT + " default_price"),
    endpoint("DELETE", "/v1/products/{id}", params("product_delete"), catalogue.delete_product),
    endpoint("POST", "/v1/prices", params("price_create"), catalogue.create_price, catalogue.PRICE_PARAMS),
    endpoint("GET", "/v1/prices", params("price_list"), catalogue.list_prices,
             "active created currency lookup_keys product recurring type PAGING"),
    endpoint("GET", "/v1/prices/{price}", params("price_retrieve"), show("price", "price")),
    endpoint("POST", "/v1/prices/{price}", params("price_update"), catalogue.update_price,
             "active lookup_key metadata nickname tax_behavior transfer_lookup_key"),
    endpoint("POST", "/v1/coupons", params("coupon_create"), discounts.create_coupon,
             "amount_off applies_to currency duration duration_in_months id max_redemptions metadata name"
             " percent_off redeem_by"),
    endpoint("GET", "/v1/coupons", params("coupon_list"), every("coupon"), "created PAGING"),
    endpoint("GET", "/v1/coupons/{coupon}", params("coupon_retrieve"), show("coupon", "coupon")),
    endpoint("POST", "/v1/coupons/{coupon}", params("coupon_update"), discounts.update_coupon, "metadata name"),
    endpoint("DELETE", "/v1/coupons/{coupon}", params("coupon_delete"), discounts.delete_coupon),
    endpoint("POST", "/v1/promotion_codes", params("promotion_code_create"), discounts.create_promotion_code,
             "active code customer expires_at max_redemptions metadata promotion restrictions"),
    endpoint("GET", "/v1/promotion_codes", params("promotion_code_list"), discounts.list_promotion_codes,
             "active code coupon created customer PAGING"),
    endpoint("GET", "/v1/promotion_codes/{promotion_code}", params("promotion_code_retrieve"),
             show("promotion_code", "promotion_code")),
    endpoint("POST", "/v1/promotion_codes/{promotion_code}", params("promotion_code_update"),
             discounts.update_promotion_code, "active metadata"),
]
