const place = document.getElementById("swagger");

SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  validatorUrl: null, // else the document's address goes to another host
});
