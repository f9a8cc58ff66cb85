// Shows the description of the server that this page came from. Nothing is sent elsewhere: Swagger UI would have a validator
// on another host look at the description.

SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: 'list',
  validatorUrl: null,
});
